cat /proc/loadavg && ! grep permanent /proc/modules
