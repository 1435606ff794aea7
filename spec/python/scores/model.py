"""A model without libraries, for tests: what it answers is easy to say again."""

import json
import math

features = ["a", "b", "c"]
classes = ["no", "yes"]
missing = True


def load():
    global weights
    with open("weights.json") as file:
        weights = json.load(file)
    print("weights:", weights)


def predict(frame):
    rows = frame.to_dict("records") if hasattr(frame, "to_dict") else frame.to_pylist()
    return {"probabilities": [probabilities(row) for row in rows]}


def probabilities(row):
    score = sum(weight * row[name] for name, weight in weights.items() if not math.isnan(row[name]))
    yes = 1 / (1 + math.exp(-math.tanh(score / 100)))
    return [1 - yes, yes]
