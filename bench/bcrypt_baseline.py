"""`python -m bench.bcrypt_baseline SECONDS`: bcrypt at cost 12 on one thread per core.

Prints hashes a second. Only hashes that finish in time count, as with logins.
"""

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import bcrypt

PASSWORD = b"correct horse battery"


def hashes_until(deadline: float) -> int:
    salt = bcrypt.gensalt(12)
    done = 0
    while True:
        bcrypt.hashpw(PASSWORD, salt)
        if time.perf_counter() > deadline:
            return done
        done += 1


def main(seconds: float) -> None:
    cores = os.cpu_count() or 1
    deadline = time.perf_counter() + seconds
    with ThreadPoolExecutor(cores) as pool:
        print(sum(pool.map(hashes_until, [deadline] * cores)) / seconds)


if __name__ == "__main__":
    main(float(sys.argv[1]))
