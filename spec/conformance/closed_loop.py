"""Closes the loop with tritonclient alone: predictions with their subject, key and event time as request parameters, labels
by the ids that the responses carry and by the caller's own id. Prints what it was told, as JSON.

closed_loop.py HTTP GRPC ROWS    ROWS: [{"features": [...], "label": ...}, ...]
"""
import json, sys, urllib.request
import numpy as np
import tritonclient.grpc as grpc
import tritonclient.http as http

base, address, rows = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
MODEL, AT = "electricity", 1_000_000_000_000


def label(body):
    data = json.dumps(body).encode()
    request = urllib.request.Request(base + "/labels?wait=served", data=data, headers={"content-type": "application/json"})
    assert urllib.request.urlopen(request).status == 200


told = []
for protocol, client in ((http, http.InferenceServerClient(base.split("://")[1])), (grpc, grpc.InferenceServerClient(address))):
    for i, row in enumerate(rows):
        tensor = protocol.InferInput("X", [1, len(row["features"])], "FP64")
        tensor.set_data_from_numpy(np.array([row["features"]], dtype=np.float64))
        name = f"{protocol.__name__.split('.')[-1]}-{i}"
        if i % 2 == 0:
            said = {"key": f"key-{name}", "subject": f"subject-{name}", "at": AT + i}
            result = client.infer(MODEL, [tensor], request_id=f"id-{name}", parameters=said)
        else:
            # The request's own id is the key where no other is given.
            said = {"key": f"id-{name}", "subject": None, "at": None}
            result = client.infer(MODEL, [tensor], request_id=said["key"])
        response = result.get_response()
        if protocol is http:
            assert response["id"] == f"id-{name}", response["id"]
            (prediction,) = response["parameters"]["slipway_ids"]
        else:
            assert response.id == f"id-{name}", response.id
            prediction = response.parameters["slipway_ids"].string_param
        label({"id": prediction, "label": row["label"]} if i % 2 == 0 else {"model": MODEL, "key": said["key"], "label": row["label"]})
        told.append({"id": prediction, **said})
print(json.dumps(told))
