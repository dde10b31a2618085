"""Measures bcrypt hashes per second on the core, with as many threads as the service. Arguments: cost, seconds."""

import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import bcrypt


def main() -> None:
    cost, seconds = int(sys.argv[1]), float(sys.argv[2])
    hashed = bcrypt.hashpw(b"x" * 64, bcrypt.gensalt(cost))
    started = time.perf_counter()

    def work() -> int:
        done = 0
        while time.perf_counter() - started < seconds:
            bcrypt.checkpw(b"x" * 64, hashed)
            done += 1
        return done

    threads = os.cpu_count() or 1
    with ThreadPoolExecutor(threads) as pool:
        done = sum(future.result() for future in [pool.submit(work) for _ in range(threads)])
    json.dump({"rate": done / (time.perf_counter() - started)}, sys.stdout)


if __name__ == "__main__":
    main()
