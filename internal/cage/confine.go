package cage

import "kintsugi/internal/command"

func (c Cage) confined(cmd, wrapped *command.Cmd) {}
