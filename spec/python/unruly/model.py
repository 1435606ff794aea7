"""Does as each row's "do" says: for tests of what a model's own code may do to its process."""

import os
import subprocess
import sys
import time

features = {"do": "string", "x": "number"}

kept = []


def load():
    print("unruly is loaded")


def predict(frame):
    columns = frame.to_dict("list") if hasattr(frame, "to_dict") else frame.to_pydict()
    for do in columns["do"]:
        if do == "raise":
            raise ValueError("no such luck")
        if do == "exit":
            sys.exit(3)
        if do == "crash":
            os.abort()
        if do == "hang":
            time.sleep(1000)
        if do == "slow":
            time.sleep(columns["x"][0])
        if do == "leak":
            while True:
                kept.append(bytearray(os.urandom(1 << 20)) * 16)
        if do == "orphan":
            return [float(subprocess.Popen(["sleep", "1000"]).pid) for _ in columns["x"]]
        if do == "print":
            print("from predict")
        if do == "fewer":
            return columns["x"][:-1]
        if do == "text":
            return ["a" for _ in columns["x"]]
        if do == "secret":
            return [float("SLIPWAY_UPSTREAM_TOKEN" in os.environ) for _ in columns["x"]]
        if do == "pid":
            return [float(os.getpid()) for _ in columns["x"]]
    return [2 * x for x in columns["x"]]
