"""Runs a command and writes what it took: usage: measured.py RESULT COMMAND [ARGUMENT…]

RESULT gets one line: exit code, seconds, and the most memory that was resident, in kB. The command is spawned and not
forked, so that the memory of this program is not part of it.
"""

import os
import sys
import time

result, command = sys.argv[1], sys.argv[2:]
begun = time.monotonic()
child = os.posix_spawnp(command[0], command, os.environ)
_, status, usage = os.wait4(child, 0)
seconds = time.monotonic() - begun
with open(result, "w") as file:
    print(os.waitstatus_to_exitcode(status), f"{seconds:.3f}", usage.ru_maxrss, file=file)
