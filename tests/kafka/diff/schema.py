"""schema.py -- requests to bytes and answers to values, by Kafka's own message definitions.

The definitions are read out of the jar of kafka-clients when a test runs; nothing of shardlog's
codec is used. A value is a dict with the names of the definitions. A field that is not in the
version is left out; one that is not given has the definition's default.
"""
import json
import re
import struct
import uuid
import zipfile

INTS = {"int8": ">b", "int16": ">h", "uint16": ">H", "int32": ">i", "uint32": ">I",
        "int64": ">q", "float64": ">d"}


def span(text):
    """ "3+", "1-4", "none" as (first, last). """
    if text in (None, "none"):
        return 1, 0
    first, _, last = text.partition("-")
    if first.endswith("+"):
        return int(first[:-1]), 1 << 15
    return int(first), int(last or first)


def within(text, version):
    first, last = span(text)
    return first <= version <= last


def capitals(fields):
    """Some names of the definitions begin with a small letter; here none does."""
    for f in fields:
        f["name"] = f["name"][0].upper() + f["name"][1:]
        capitals(f.get("fields", []))
    return fields


class Message:
    """One side of one API."""

    def __init__(self, definition):
        self.name, self.key = definition["name"], definition.get("apiKey")
        self.fields = capitals(definition["fields"])
        self.flexible = definition["flexibleVersions"]
        self.versions = span(definition["validVersions"])
        self.structs = {s["name"]: capitals(s["fields"]) for s in definition.get("commonStructs", [])}

    def encode(self, version, values):
        out = bytearray()
        self._put_struct(out, self.fields, version, values, self.name)
        return bytes(out)

    def decode(self, version, data):
        """The value; ValueError if a byte is left or missing."""
        cursor = Cursor(data)
        value = self._get_struct(cursor, self.fields, version)
        if cursor.at != len(data):
            raise ValueError(f"{self.name} {version}: {len(data) - cursor.at} bytes are left")
        return value

    # ---- writing ----

    def _put_struct(self, out, fields, version, values, path):
        names = {f["name"] for f in fields}
        assert not set(values) - names, f"{path} has no {set(values) - names}"
        tags = []
        for f in fields:
            if not within(f["versions"], version):
                continue
            value = values.get(f["name"], Ellipsis)
            if within(f.get("taggedVersions"), version):
                if value is not Ellipsis:
                    body = bytearray()
                    self._put_field(body, f, version, value, path)
                    tags.append((f["tag"], body))
                continue
            self._put_field(out, f, version, value, path)
        if within(self.flexible, version):
            put_uvarint(out, len(tags))
            for tag, body in sorted(tags):
                put_uvarint(out, tag)
                put_uvarint(out, len(body))
                out += body

    def _put_field(self, out, f, version, value, path):
        if value is Ellipsis:
            value = default_of(f, version)
        compact = within(f.get("flexibleVersions", self.flexible), version)
        self._put(out, f["type"], f, version, value, compact, f"{path}.{f['name']}")

    def _put(self, out, kind, f, version, value, compact, path):
        if kind.startswith("[]"):
            put_length(out, -1 if value is None else len(value), compact, ">i")
            for one in value or ():
                self._put(out, kind[2:], f, version, one, compact, path)
        elif kind in INTS:
            out += struct.pack(INTS[kind], value)
        elif kind == "bool":
            out.append(1 if value else 0)
        elif kind == "uuid":
            out += value
        elif kind in ("string", "bytes", "records"):
            data = value.encode() if isinstance(value, str) else value
            put_length(out, -1 if data is None else len(data), compact,
                       ">h" if kind == "string" else ">i")
            out += data or b""
        elif nullable(f):
            out.append(0xff if value is None else 1)
            if value is not None:
                self._put_struct(out, self._fields(f, kind), version, value, path)
        else:
            self._put_struct(out, self._fields(f, kind), version, value, path)

    def _fields(self, f, kind):
        return f.get("fields") or self.structs[kind]

    # ---- reading ----

    def _get_struct(self, c, fields, version):
        value, tagged = {}, {}
        for f in fields:
            if not within(f["versions"], version):
                continue
            if within(f.get("taggedVersions"), version):
                tagged[f["tag"]] = f
                value[f["name"]] = default_of(f, version)
                continue
            value[f["name"]] = self._get_field(c, f, version)
        for _ in range(c.uvarint() if within(self.flexible, version) else 0):
            tag, size = c.uvarint(), c.uvarint()
            inner = Cursor(c.take(size))
            if tag not in tagged:
                raise ValueError(f"{self.name} {version}: unknown tag {tag}")
            value[tagged[tag]["name"]] = self._get_field(inner, tagged[tag], version)
        return value

    def _get_field(self, c, f, version):
        compact = within(f.get("flexibleVersions", self.flexible), version)
        return self._get(c, f["type"], f, version, compact)

    def _get(self, c, kind, f, version, compact):
        if kind.startswith("[]"):
            count = c.length(compact, ">i")
            if count < 0:
                return None
            return [self._get(c, kind[2:], f, version, compact) for _ in range(count)]
        if kind in INTS:
            return struct.unpack(INTS[kind], c.take(struct.calcsize(INTS[kind])))[0]
        if kind == "bool":
            return c.take(1) != b"\0"
        if kind == "uuid":
            return uuid.UUID(bytes=bytes(c.take(16)))
        if kind in ("string", "bytes", "records"):
            size = c.length(compact, ">h" if kind == "string" else ">i")
            data = None if size < 0 else bytes(c.take(size))
            return data.decode(errors="surrogateescape") if kind == "string" and data is not None else data
        if nullable(f) and c.take(1) == b"\xff":
            return None
        return self._get_struct(c, self._fields(f, kind), version)


def nullable(f):
    """Of a struct: it has a byte in front. The elements of an array never are."""
    return "nullableVersions" in f and not f["type"].startswith("[]")


class Cursor:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, size):
        if self.at + size > len(self.data):
            raise ValueError(f"{size} bytes wanted at {self.at} of {len(self.data)}")
        self.at += size
        return self.data[self.at - size:self.at]

    def uvarint(self):
        value, shift = 0, 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                return value

    def length(self, compact, fixed):
        if compact:
            return self.uvarint() - 1
        return struct.unpack(fixed, self.take(struct.calcsize(fixed)))[0]


def put_uvarint(out, value):
    while value > 0x7f:
        out.append(value & 0x7f | 0x80)
        value >>= 7
    out.append(value)


def put_length(out, size, compact, fixed):
    if compact:
        put_uvarint(out, size + 1)
    else:
        out += struct.pack(fixed, size)


def default_of(f, version):
    """What a definition says of a field that nobody set."""
    kind, text = f["type"], f.get("default")
    if text == "null":
        return None if within(f.get("nullableVersions"), version) else zero_of(kind)
    if text is None:
        if kind[0].isupper():
            return {g["name"]: default_of(g, version) for g in f["fields"]
                    if within(g["versions"], version)}
        return zero_of(kind)
    if kind == "bool":
        return str(text).lower() == "true"
    return text if kind == "string" else int(str(text), 0)


def zero_of(kind):
    if kind.startswith("[]"):
        return []
    if kind == "uuid":
        return bytes(16)
    return "" if kind == "string" else b"" if kind in ("bytes", "records") else 0


class Schemas:
    """All messages of a jar: by the API's name, as ("Produce", "request")."""

    def __init__(self, jar):
        self.messages = {}
        with zipfile.ZipFile(jar) as z:
            for name in z.namelist():
                match = re.match(r"common/message/(\w+)(Request|Response)\.json$", name)
                if not match:
                    continue
                text = re.sub(r"^\s*//.*$", "", z.read(name).decode(), flags=re.M)
                definition = json.loads(text)
                if definition["validVersions"] != "none":
                    self.messages[match.group(1), match.group(2).lower()] = Message(definition)

    def request(self, api):
        return self.messages[api, "request"]

    def response(self, api):
        return self.messages[api, "response"]

    def frame(self, api, version, correlation, client, values):
        """A whole request, with its length in front."""
        message = self.request(api)
        body = self.header(message, version, correlation, client)
        body += message.encode(version, values)
        return struct.pack(">i", len(body)) + body

    def header(self, message, version, correlation, client):
        out = bytearray(struct.pack(">hhi", message.key, version, correlation))
        put_length(out, -1 if client is None else len(client), False, ">h")
        out += (client or "").encode()
        if within(message.flexible, version):
            put_uvarint(out, 0)
        return bytes(out)

    def answer(self, api, version, frame):
        """(correlation id, value) of a response without its length."""
        message = self.response(api)
        correlation = struct.unpack_from(">i", frame)[0]
        at = 4
        if within(message.flexible, version) and api != "ApiVersions":
            if frame[at] != 0:
                raise ValueError(f"{api} {version}: a header with tags")
            at += 1
        return correlation, message.decode(version, frame[at:])
