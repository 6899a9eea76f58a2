not Go: a folder that go leaves alone
