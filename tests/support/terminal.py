"""Runs a program on a terminal of so many columns and passes on what it shows: terminal.py COLUMNS PROGRAM ARGUMENT…

What ANSWER holds is typed when the program has asked a question.
"""

import fcntl
import os
import pty
import struct
import sys
import termios

child, terminal = pty.fork()
if child == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 40, int(sys.argv[1]), 0, 0))
    os.execvp(sys.argv[2], sys.argv[2:])
answer = os.environ.get("ANSWER")
tail = b""
while True:
    try:
        shown = os.read(terminal, 65536)
    except OSError:  # the program is gone
        break
    if not shown:
        break
    sys.stdout.buffer.write(shown)
    sys.stdout.flush()
    tail = (tail + shown)[-200:]
    if answer is not None and tail.rstrip().endswith((b"?", b":")):
        os.write(terminal, (answer + "\n").encode())
        answer = None
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
