"""Runs a model.py for Slipway: started by it with the model's folder, spoken to over descriptor 3.

A message, either way: length of its header (uint32), length of its body (uint64), both little-endian; the header, JSON;
the body, an Arrow IPC stream or nothing. First this process says what it is and what model.py declares, or why it
cannot serve. Then it is told the features, and is asked rows until Slipway goes.
"""

import faulthandler
import importlib.util
import json
import os
import platform
import signal
import socket
import struct
import sys
import threading
import time
import traceback

FRAME = struct.Struct("<IQ")
ARROW_TYPES = ("float32", "float64", "int64", "bool", "string")
MOST_MESSAGE = 2000


def end_with_slipway(parent):
    """However Slipway's process ends, this one does, whatever it is doing then."""
    if sys.platform == "linux":
        import ctypes

        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
        # Where memory runs out, this process goes first.
        try:
            with open("/proc/self/oom_score_adj", "w") as score:
                score.write("1000")
        except OSError:
            pass
    else:
        threading.Thread(target=watch, args=(parent,), daemon=True).start()
    if os.getppid() != parent:
        os._exit(1)


def watch(parent):
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


class Line:
    """The socket to Slipway, which no process that model.py starts inherits."""

    def __init__(self):
        self.socket = socket.socket(fileno=3)
        self.socket.set_inheritable(False)

    def read(self):
        header_size, body_size = FRAME.unpack(self._exactly(FRAME.size))
        header = json.loads(bytes(self._exactly(header_size)))
        return header, self._exactly(body_size)

    def write(self, header, body=b""):
        text = json.dumps(header).encode()
        self.socket.sendall(FRAME.pack(len(text), len(body)) + text)
        if len(body) > 0:
            self.socket.sendall(body)

    def _exactly(self, size):
        buffer = bytearray(size)
        view = memoryview(buffer)
        while len(view) > 0:
            count = self.socket.recv_into(view)
            if count == 0:
                os._exit(0)
            view = view[count:]
        return buffer


def reason(error, doing):
    """What went wrong in model.py, and where in it; its whole traceback goes to the log."""
    traceback.print_exc()
    sys.stderr.flush()
    frames = traceback.extract_tb(error.__traceback__)
    own = [one for one in frames if not one.filename.startswith("<") and one.filename != __file__]
    inside = [one for one in own if os.path.abspath(one.filename).startswith(os.getcwd() + os.sep)]
    place = (inside or own or [None])[-1]
    if isinstance(error, SyntaxError) and error.filename:
        where = f" ({os.path.basename(error.filename)}, line {error.lineno})"
    elif place:
        where = f" ({os.path.basename(place.filename)}, line {place.lineno})"
    else:
        where = ""
    said = str(error)[:MOST_MESSAGE] or "no message"
    return f"{doing} raised {type(error).__name__}: {said}{where}"


def plain(value):
    """A value of NumPy's or Python's own as JSON has it."""
    if hasattr(value, "item"):
        value = value.item()
    return value if isinstance(value, (bool, int, float, str)) or value is None else str(value)


def declared(module):
    """What model.py says of itself: `features`, `classes`, `missing`."""
    features = getattr(module, "features", None)
    if hasattr(features, "items"):
        features = [
            {"name": str(name), "is": kind if isinstance(kind, str) else [plain(one) for one in kind]}
            for name, kind in features.items()
        ]
    elif features is not None:
        features = [{"name": str(name), "is": "number"} for name in features]
    classes = getattr(module, "classes", None)
    return {
        "features": features,
        "classes": None if classes is None else [plain(one) for one in classes],
        "missing": bool(getattr(module, "missing", False)),
    }


class Model:
    def __init__(self, module, pa, pandas):
        self.module = module
        self.pa = pa
        self.pandas = pandas
        self.categories = {}
        self.classes = [str(plain(one)) for one in (getattr(module, "classes", None) or ())]

    def take(self, features):
        """Categories come as codes; model.py sees the categories."""
        self.categories = {
            one["name"]: self.pa.array(one["categories"]) for one in features if one.get("categories")
        }

    def answer(self, body):
        pa = self.pa
        table = pa.ipc.open_stream(pa.py_buffer(body)).read_all()
        for i, name in enumerate(table.column_names):
            if name in self.categories:
                codes = table.column(i).combine_chunks()
                column = pa.DictionaryArray.from_arrays(codes, self.categories[name])
                table = table.set_column(i, name, column)
        rows = table.num_rows
        frame = table.to_pandas() if self.pandas else table
        outputs = {
            name: self.column(name, values, rows)
            for name, values in self.named(self.module.predict(frame)).items()
        }
        batch = pa.RecordBatch.from_arrays(list(outputs.values()), names=list(outputs))
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema) as writer:
            writer.write_batch(batch)
        return memoryview(sink.getvalue())

    def named(self, answers):
        """An output a column or key; all else is one output, "predict"."""
        if isinstance(answers, (self.pa.Table, self.pa.RecordBatch)):
            return {name: answers.column(name) for name in answers.schema.names}
        if hasattr(answers, "columns") and hasattr(answers, "to_numpy"):
            if self.classes and [str(plain(one)) for one in answers.columns] == self.classes:
                return {"predict": answers.to_numpy()}
            return {str(name): answers[name] for name in answers.columns}
        if isinstance(answers, dict):
            return {str(name): values for name, values in answers.items()}
        return {"predict": answers}

    def column(self, name, values, rows):
        pa = self.pa
        if isinstance(values, pa.ChunkedArray):
            values = values.combine_chunks()
        elif not isinstance(values, pa.Array):
            values = self.array(name, values)
        if len(values) != rows:
            raise ValueError(f'output "{name}" has {len(values)} rows, not the {rows} it was asked')
        width = 1
        if pa.types.is_list(values.type) or pa.types.is_fixed_size_list(values.type):
            flat = values.flatten()
            width = len(flat) // max(1, len(values))
            if len(flat) != width * len(values) or width == 0:
                raise ValueError(f'output "{name}" has rows of different lengths')
            values = flat
        values = self.simple(name, values)
        return pa.FixedSizeListArray.from_arrays(values, width) if width > 1 else values

    def array(self, name, values):
        pa = self.pa
        if hasattr(values, "detach"):
            values = values.detach().cpu()
        if hasattr(values, "__array__") and not hasattr(values, "__arrow_array__"):
            import numpy

            values = numpy.asarray(values)
            if values.ndim == 2 and values.shape[1] == 1:
                values = values[:, 0]
            if values.ndim == 2:
                flat = self.array(name, values.reshape(-1))
                return pa.FixedSizeListArray.from_arrays(flat, values.shape[1])
            if values.ndim != 1:
                raise ValueError(f'output "{name}" has {values.ndim} dimensions; a row has values, not tables')
        return pa.array(values, from_pandas=True)

    def simple(self, name, values):
        """As one of the few types that are sent; a missing number is NaN."""
        pa = self.pa
        if pa.types.is_dictionary(values.type):
            values = values.dictionary_decode()
        kind = values.type
        if pa.types.is_float16(kind):
            values = values.cast(pa.float32())
        elif pa.types.is_decimal(kind):
            values = values.cast(pa.float64())
        elif pa.types.is_integer(kind):
            values = values.cast(pa.float64() if values.null_count else pa.int64())
        elif pa.types.is_large_string(kind) or str(kind) == "string_view":
            values = values.cast(pa.string())
        if pa.types.is_floating(values.type):
            return values.fill_null(float("nan")) if values.null_count else values
        if values.null_count:
            raise ValueError(f'output "{name}" holds None')
        kind = "float32" if str(values.type) == "float" else "float64" if str(values.type) == "double" else str(values.type)
        if kind not in ARROW_TYPES:
            raise ValueError(f'output "{name}" is of the type {values.type}: give numbers, booleans or text')
        return values


def load(folder):
    """The module, or what is wrong with it in words."""
    sys.path[0] = folder
    spec = importlib.util.spec_from_file_location("model", os.path.join(folder, "model.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules["model"] = module
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        return None, reason(error, "importing it")
    for name in ("load", "predict"):
        if not callable(getattr(module, name, None)):
            return None, f"it defines no function {name}"
    try:
        module.load()
    except BaseException as error:
        return None, reason(error, "load()")
    return module, None


def main():
    end_with_slipway(int(sys.argv[2]))
    faulthandler.enable()
    # Slipway asks so for a traceback of every thread before it ends a process that hangs.
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    line = Line()
    about = {"python": platform.python_version()}
    try:
        import pyarrow as pa
        import pyarrow.ipc
    except ImportError as error:
        line.write({**about, "lacks": "pyarrow", "why": str(error)[:MOST_MESSAGE]})
        return
    about["pyarrow"] = pa.__version__
    try:
        import pandas
    except ImportError:
        pandas = None
    about["pandas"] = pandas.__version__ if pandas else None
    module, wrong = load(sys.argv[1])
    if module is None:
        line.write({**about, "wrong": wrong})
        return
    try:
        said = declared(module)
    except Exception as error:
        line.write({**about, "wrong": reason(error, "reading its features and classes")})
        return
    model = Model(module, pa, pandas)
    line.write({**about, **said})
    while True:
        header, body = line.read()
        if "features" in header:
            model.take(header["features"])
            continue
        try:
            answer = model.answer(body)
        except BaseException as error:
            line.write({"failed": reason(error, "predict()")})
        else:
            line.write({}, answer)


main()
