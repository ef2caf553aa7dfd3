"""Reads registry formats with Confluent's own deserializers and protoc: no code of ours knows the bytes.

Each reader takes a Record and gives what the deserializer gave, for a record's key with part="key".
"""
import base64
import json
import math
import pathlib
import re
import tempfile

from . import proc

MAGIC_BYTES = 5  # 00 and the id


def schema_id(data):
    """The id in Confluent's frame."""
    assert data[:1] == b"\0" and len(data) >= MAGIC_BYTES, f"no frame of a schema registry: {data!r}"
    return int.from_bytes(data[1:MAGIC_BYTES], "big")


class Decoder:
    """Decoder(url) of a registry's Confluent API, with further settings of Confluent's client, credentials say. Schemas
    are fetched as the records' ids ask for them."""

    def __init__(self, url, client=None):
        from confluent_kafka.schema_registry import SchemaRegistryClient
        from confluent_kafka.schema_registry.avro import AvroDeserializer
        from confluent_kafka.schema_registry.json_schema import JSONDeserializer
        # The default asks for associations of subjects, which are younger than this registry.
        topic_names = {"subject.name.strategy.type": "TOPIC"}
        self._conf = topic_names
        client = {"url": url, **(client or {})}
        self._client = SchemaRegistryClient(client)
        self._avro = AvroDeserializer(self._client, conf=topic_names)
        self._json = {validate: JSONDeserializer(None, schema_registry_client=self._client,
                                                 conf={**topic_names, "validate": validate})
                      for validate in (True, False)}
        self._protobuf_client = _CompilingClient(client)
        self._protobuf = {}  # schema id -> deserializer

    def avro(self, record, part="value"):
        return self._avro(getattr(record, part), _context(record, part))

    def jsonschema(self, record, part="value"):
        """Held against the schema too, unless it has NaN or an infinity: Connect writes those as texts, which no
        schema of a number allows."""
        data = getattr(record, part)
        schema_id(data)
        strange = any(word in data for word in (b'"NaN"', b'"Infinity"', b'"-Infinity"'))
        return self._json[not strange](data, _context(record, part))

    def protobuf(self, record, part="value"):
        """The message, of the class that the registered text describes."""
        from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer
        data = getattr(record, part)
        number = schema_id(data)
        if number not in self._protobuf:
            kind = message_class(self._protobuf_client.file_descriptor(number))
            self._protobuf[number] = ProtobufDeserializer(kind, self._conf, self._protobuf_client)
        return self._protobuf[number](data, _context(record, part))


def _context(record, part):
    from confluent_kafka.serialization import MessageField, SerializationContext
    return SerializationContext(record.topic, MessageField.KEY if part == "key" else MessageField.VALUE)


class _CompilingClient:
    """A registry client for Confluent's ProtobufDeserializer, which wants `?format=serialized`: Apicurio has the text
    only, so protoc makes of it here what Confluent's registry would send."""

    def __init__(self, conf):
        from confluent_kafka.schema_registry import SchemaRegistryClient
        self._client = SchemaRegistryClient(conf)
        self._files = {}

    def file_descriptor(self, number):
        if number not in self._files:
            self._files[number] = compile_proto(self._client.get_schema(number).schema_str)
        return self._files[number]

    def get_schema(self, schema_id, subject_name=None, fmt=None, reference_format=None):
        from confluent_kafka.schema_registry import Schema
        del subject_name, fmt, reference_format
        serialized = base64.standard_b64encode(self.file_descriptor(schema_id).SerializeToString()).decode()
        return Schema(serialized, "PROTOBUF")

    def __getattr__(self, name):
        return getattr(self._client, name)


def compile_proto(text):
    """The FileDescriptorProto of a .proto text, as protoc sees it. Connect's texts use Confluent's options without
    importing them."""
    from confluent_kafka.schema_registry.confluent import meta_pb2
    from google.protobuf import descriptor_pb2
    from grpc_tools import protoc
    if "confluent." in text and "confluent/meta.proto" not in text:
        text = re.sub(r'^(syntax\s*=\s*"proto3"\s*;)', r'\1 import "confluent/meta.proto";', text, count=1, flags=re.M)
    known = descriptor_pb2.FileDescriptorSet()
    for file in (descriptor_pb2.DESCRIPTOR, meta_pb2.DESCRIPTOR):
        file.CopyToProto(known.file.add())
    with tempfile.TemporaryDirectory(prefix="e2k-proto-") as name:
        folder = pathlib.Path(name)
        (folder / "default.proto").write_text(text)
        (folder / "known.pb").write_bytes(known.SerializeToString())
        status = protoc.main(["protoc", f"--proto_path={folder}", f"--descriptor_set_in={folder / 'known.pb'}",
                              f"--descriptor_set_out={folder / 'out.pb'}", "default.proto"])
        if status:
            raise proc.PartFailed(f"protoc refuses the registered schema:\n{text}")
        compiled = descriptor_pb2.FileDescriptorSet.FromString((folder / "out.pb").read_bytes())
    return next(file for file in compiled.file if file.name == "default.proto")


def message_class(file):
    """The Python class of the first message of a compiled file."""
    from confluent_kafka.schema_registry.confluent import meta_pb2
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    pool = descriptor_pool.DescriptorPool()
    for dependency in (descriptor_pb2.DESCRIPTOR, meta_pb2.DESCRIPTOR):
        pool.AddSerializedFile(dependency.serialized_pb)
    found = pool.AddSerializedFile(file.SerializeToString())
    found = found or pool.FindFileByName(file.name)
    name = file.message_type[0].name
    return message_factory.GetMessageClass(found.message_types_by_name[name])


def same(left, right):
    """Equal, with NaN equal to itself and -0.0 unlike 0.0; 1 and 1.0 differ, since their types do."""
    if isinstance(left, dict) and isinstance(right, dict):
        return list(left) == list(right) and all(same(left[name], right[name]) for name in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if type(left) is not type(right):
        return False
    if isinstance(left, float):
        return math.isnan(left) and math.isnan(right) or (left == right and
                                                          math.copysign(1, left) == math.copysign(1, right))
    return left == right


def strict_json(data):
    """JSON of bytes in which neither NaN nor a name twice is allowed, as in the standard."""
    def refuse(word):
        raise AssertionError(f"{word} is no JSON: {data!r}")

    def once(pairs):
        assert len({name for name, _ in pairs}) == len(pairs), f"a name twice: {data!r}"
        return dict(pairs)
    return json.loads(data.decode("utf-8"), parse_constant=refuse, object_pairs_hook=once)
