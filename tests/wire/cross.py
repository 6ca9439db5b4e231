#!/usr/bin/env python3
"""cross.py -- reads the golden bytes with two Python clients, and lets them write them again.

    pip install kafka-python==3.0.12 aiokafka==0.14.0
    tests/wire/cross.py [-v]     -v names each case that was not compared, and why

For each case of data/*.txt: kafka-python decodes the bytes, its values are compared with those in
the file, and what it encodes is compared with the bytes. aiokafka has schemas of its own, by hand,
for fewer versions; its classes do the same, values by position. A difference is an error unless KNOWN
says how the implementation is wrong. Exit status 1 if there is any, or if nothing was compared.
"""
import importlib
import io
import os
import pkgutil
import re
import sys
import uuid

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")
verbose = "-v" in sys.argv[1:]


# ---- the files ----

def camel(name):
    return "".join(w.capitalize() for w in name.split("_"))


def cases():
    """(api, side, version, kind, bytes, values) of every case; `tags` has no values."""
    for file in sorted(os.listdir(DATA)):
        before = {}
        lines = iter(open(os.path.join(DATA, file), encoding="ascii").read().split("\n")[:-1])
        for head in lines:
            side, version, kind = head.split()
            got = [next(lines)] + ([next(lines)] if kind != "tags" else [])
            old = before.get((side, kind), [])
            got = [old[i] if g == "=" else g for i, g in enumerate(got)]
            before[side, kind] = got
            yield (file[:-4], side, int(version), kind, bytes.fromhex(got[0]),
                   parse(got[1]) if kind != "tags" else None)


TOKEN = re.compile(r'[{}\[\]:,]|"(?:[^"\\]|\\..)*"|x[0-9a-f]*(?=[,\]}])|#[0-9a-f]{32}|-?[0-9]+|[a-z][a-z0-9_]*')


def parse(text):
    """The text of the values as dicts, lists, int, bool, bytes, str, UUID, None."""
    tokens = TOKEN.findall(text)
    assert "".join(tokens) == text, text
    tokens.reverse()
    return value(tokens)


def value(tokens):
    t = tokens.pop()
    if t in "{[":
        made = {} if t == "{" else []
        while tokens[-1] not in "}]":
            if tokens[-1] == ",":
                tokens.pop()
            if t == "{":
                name = tokens.pop()
                assert tokens.pop() == ":"
                made[name] = value(tokens)
            else:
                made.append(value(tokens))
        tokens.pop()
        return made
    if t[0] == '"':
        raw = re.sub(rb"\\(..)", lambda m: bytes([int(m.group(1), 16)]), t[1:-1].encode())
        return raw.decode()
    if t[0] == "#":
        return uuid.UUID(t[1:])
    if t in ("null", "true", "false"):
        return {"null": None, "true": True, "false": False}[t]
    if t[0] == "x":
        return bytes.fromhex(t[1:])
    return int(t)


# ---- kafka-python: by names ----

def kafka_python_classes():
    import kafka.protocol as top
    found = {}
    for module in pkgutil.walk_packages(top.__path__, "kafka.protocol."):
        if ".old" in module.name or "generate" in module.name:
            continue
        for name, c in vars(importlib.import_module(module.name)).items():
            if isinstance(c, type) and hasattr(c, "encode") and name.endswith(("Request", "Response")):
                found[name] = c
    return found


def operations(name, v):
    """Its *_authorized_operations are numbers of bits, None for the unset value; ours a number."""
    if not name.endswith("authorized_operations") or isinstance(v, (bool, int)):
        return name, v
    bits = sum(1 << bit for bit in v) if v is not None else 1 << 31
    return name, bits - (1 << 32) if bits >= 1 << 31 else bits


def plain(v):
    """What to_dict() gives, in the words of parse()."""
    if isinstance(v, dict):
        return dict(operations(k, plain(x)) for k, x in v.items())
    if isinstance(v, (list, tuple, set)):
        return [plain(x) for x in v]
    return bytes(v) if isinstance(v, memoryview) else v


def python_names(v):
    """It calls the authorized operations of clusters and topics by one name."""
    if isinstance(v, list):
        return [python_names(x) for x in v]
    if not isinstance(v, dict):
        return v
    return {re.sub("^(cluster|topic)_(?=authorized_)", "", k): python_names(x) for k, x in v.items()}


def kafka_python(classes):
    from kafka.protocol.api_header import RequestHeader, ResponseHeader
    from kafka.protocol.api_message import ApiMessage

    def look(api, side, version, raw):
        c = classes.get(camel(api) + camel(side))
        if api == "header":
            flexible = version > (side == "request")
            got = {"request": RequestHeader, "response": ResponseHeader}[side].decode(
                io.BytesIO(raw), flexible=flexible)
            return plain(got.to_dict(json=False)), bytes(got.encode(flexible=flexible))
        if not c or not 0 <= version <= c.max_version:
            return None
        # Not c.decode(): that of ApiVersions reads version 0 as soon as there is an error code.
        got = ApiMessage.decode.__func__(c, raw, version=version)
        got._header = None  # encode() asks for it, decode() does not set it
        return plain(got.to_dict(json=False)), bytes(got.encode(version=version))
    return look


# ---- aiokafka: by position ----

def aiokafka_classes():
    import aiokafka.protocol as top
    found = {}
    for module in pkgutil.iter_modules(top.__path__, "aiokafka.protocol."):
        for name, c in vars(importlib.import_module(module.name)).items():
            m = re.match(r"([A-Za-z]+)(Request|Response)_v(\d+)$", name)
            if m and hasattr(c, "SCHEMA"):
                found[m.group(1).lower(), m.group(2).lower(), int(m.group(3))] = c
    return found


# Where its name of an API is not Kafka's.
AIO_NAMES = {"list_offsets": "offset", "describe_configs": "describeconfigs"}


def leaves(v, tags):
    """Values in the order of their bytes, and each list's count: its nesting is not Kafka's where
    a struct has one field. Its dicts are tags, which it does not read; ours are structs."""
    if isinstance(v, dict):
        return [] if tags else [x for y in v.values() for x in leaves(y, tags)]
    if isinstance(v, (list, tuple)):
        return [len(v)] * isinstance(v, list) + [x for y in v for x in leaves(y, tags)]
    return [v]


def aiokafka(classes):
    def look(api, side, version, raw):
        c = classes.get((AIO_NAMES.get(api, api.replace("_", "")), side, version))
        if not c:
            return None
        got = c.decode(raw)
        return (leaves(tuple(got.get_item(n) for n in c.SCHEMA.names), True),
                bytes(got.encode()))
    return look


# ---- comparing ----

# Where an implementation is wrong: the start of the case's name, and how.
KNOWN = {
    "aiokafka delete_records request 2 tags": "writes unknown tags without their sizes",
    "aiokafka delete_records response 2 tags": "writes unknown tags without their sizes",
    "aiokafka list_offsets request 4": "takes current_leader_epoch for 8 bytes",
    "aiokafka list_offsets request 5": "takes current_leader_epoch for 8 bytes",
    "kafka-python api_versions response 3 tags": "refuses unknown tags in what a tag holds",
    "kafka-python api_versions response 4 tags": "refuses unknown tags in what a tag holds",
    "kafka-python fetch response 12 tags": "refuses unknown tags in what a tag holds",
    "kafka-python fetch response 13 tags": "refuses unknown tags in what a tag holds",
    "kafka-python produce response 10 tags": "refuses unknown tags in what a tag holds",
    "kafka-python produce response 11 tags": "refuses unknown tags in what a tag holds",
}


def known(case):
    return next((k for k in KNOWN if case == k or case.startswith(k + " ")), None)


def same(theirs, ours):
    """kafka-python has None for the zero id, and for a struct whose tag was not sent."""
    if theirs is None:
        return ours is None or isinstance(ours, dict) or ours == uuid.UUID(int=0)
    if isinstance(theirs, dict) and isinstance(ours, dict):
        return theirs.keys() == ours.keys() and all(same(v, ours[k]) for k, v in theirs.items())
    if isinstance(theirs, list) and isinstance(ours, list):
        return len(theirs) == len(ours) and all(same(*pair) for pair in zip(theirs, ours))
    return theirs == ours


def compare(look, shape, api, side, version, raw, again, values):
    """None: not implemented. "": agrees. Else what is different."""
    try:
        got = look(api, side, version, raw)
    except Exception as e:  # whatever they raise is the finding
        return f"{type(e).__name__}: {e}"
    if got is None:
        return None
    if not same(got[0], shape(values)):
        return f"values\n  {got[0]}\n  {shape(values)}"
    if got[1] not in (raw, again):
        return f"bytes\n  {got[1].hex()}\n  {again.hex()}"
    return ""


def look_through(name, look, shape, seen):
    full, versions = {}, set()
    agree = bad = 0
    for api, side, version, kind, raw, values in cases():
        if kind == "full":
            full[api, side, version] = (raw, values)
        again, values = full[api, side, version] if kind == "tags" else (raw, values)
        case = f"{name} {api} {side} {version} {kind}"
        found = compare(look, shape, api, side, version, raw, again, values)
        if found == "":
            agree += 1
            versions.add((api, side, version))
        elif found is None or known(case):
            seen.add(known(case))
            if verbose:
                print(f"{case}: {KNOWN.get(known(case), 'it lacks this version')}")
        else:
            bad += 1
            print(f"{case}: {found}")
    print(f"{name}: {agree} cases agree, of {len(versions)} messages and versions; {bad} differ")
    return bad == 0 and agree > 0


def main():
    seen = set()
    fine = look_through("kafka-python", kafka_python(kafka_python_classes()), python_names, seen)
    fine &= look_through("aiokafka", aiokafka(aiokafka_classes()), lambda v: leaves(v, False), seen)
    for case in sorted(set(KNOWN) - seen):
        print(f"{case}: is in KNOWN, and agrees")
        fine = False
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
