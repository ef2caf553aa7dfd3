"""A schema registry: a real one (Apicurio) on loopback, and a stand-in that answers what a test wants."""
import base64
import contextlib
import dataclasses
import datetime
import http.client
import http.server
import ipaddress
import json
import signal
import ssl
import threading
import urllib.error
import urllib.parse
import urllib.request

from . import paths, proc

CONTENT_TYPE = "application/vnd.schemaregistry.v1+json"


class Refused(AssertionError):
    """The registry answered with an error: `status`, and its words."""

    def __init__(self, status, text):
        super().__init__(f"{status}: {text}")
        self.status = status


class Registry:
    """Registry() starts one and returns when it answers. `url` is its Confluent API, what schema.registry.url takes.

    What is registered lives in a file and outlives kill() and restart(), as it does in a real site. A context
    manager; stop() removes it all.
    """

    def __init__(self, start=True, start_timeout=60.0):
        app = paths.cache_dir() / "registry" / "app"
        found = sorted(app.glob("apicurio-registry-app-*-runner.jar"))
        if not found:
            raise proc.PartFailed(f"no schema registry in {app}: run packaging/build --with registry")
        self.jar = found[-1]
        self.folder = proc.make_folder("registry")
        self.port = proc.free_port()
        self.url = f"http://127.0.0.1:{self.port}/apis/ccompat/v7"
        self.start_timeout = start_timeout
        self.child = None
        if start:
            self.start()

    def start(self, wait=True):
        """Starts it again with the same port and data."""
        assert self.child is None
        settings = {
            "quarkus.http.host": "127.0.0.1", "quarkus.http.port": self.port, "quarkus.management.port": 0,
            # H2 in a file; every commit is on disk, so that a kill takes nothing along.
            "quarkus.datasource.jdbc.url": f"jdbc:h2:file:{self.folder}/data;WRITE_DELAY=0;DB_CLOSE_ON_EXIT=FALSE",
            "quarkus.datasource.jdbc.initial-size": 2, "quarkus.datasource.jdbc.min-size": 2,
            "quarkus.log.level": "WARN", "quarkus.banner.enabled": "false", "java.io.tmpdir": self.folder,
        }
        self.child = proc.Child("registry", [
            "java", "-Xms64m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto",
            *[f"-D{key}={value}" for key, value in settings.items()], "-jar", self.jar], self.folder)
        if wait:
            self.wait_ready()

    def wait_ready(self):
        def answers():
            try:
                return self.subjects() is not None
            except (OSError, http.client.HTTPException, Refused):
                return False
        proc.wait_for(answers, self.start_timeout, "the registry's first answer", child=self.child)

    # -- what is registered ---------------------------------------------------------------------

    def request(self, method, path, body=None, timeout=10.0, base=None, headers=None):
        """The answer's JSON; Refused when it is an error. `path` is that of the Confluent API."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request((base or self.url) + path, data, method=method,
                                         headers={"Content-Type": CONTENT_TYPE, **(headers or {})})
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise Refused(error.code, error.read().decode(errors="replace")) from None
        return json.loads(text) if text else None

    def subjects(self):
        return self.request("GET", "/subjects")

    def register(self, subject, text, kind="AVRO"):
        """Registers a schema as Confluent's clients do; its id."""
        body = {"schema": text, **({} if kind == "AVRO" else {"schemaType": kind})}
        return self.request("POST", f"/subjects/{_quoted(subject)}/versions", body)["id"]

    def latest(self, subject):
        """The latest version: `schema`, `id`, `version`; None where there is no such subject."""
        try:
            return self.request("GET", f"/subjects/{_quoted(subject)}/versions/latest")
        except Refused as refused:
            if refused.status == 404:
                return None
            raise

    def schema(self, number):
        """The text of the schema with that id."""
        return self.request("GET", f"/schemas/ids/{number}")["schema"]

    def versions(self, subject):
        return self.request("GET", f"/subjects/{_quoted(subject)}/versions")

    def delete(self, subject):
        """Erases a subject, so that nothing of it counts in a comparison any more."""
        with contextlib.suppress(Refused):
            self.request("DELETE", f"/subjects/{_quoted(subject)}")
        with contextlib.suppress(Refused):
            self.request("DELETE", f"/subjects/{_quoted(subject)}?permanent=true")

    def set_compatibility(self, level, subject=None):
        """NONE, BACKWARD, FORWARD, FULL; of one subject or of all. A fresh Apicurio compares nothing."""
        self.request("PUT", "/config" + (f"/{_quoted(subject)}" if subject else ""), {"compatibility": level})

    def seed(self, subject, text='{"type":"string"}', kind="JSON"):
        """Registers by Apicurio's own API, which takes what its Confluent API refuses: the JSON schema of a
        string, which has neither `$schema` nor `properties`."""
        self.request("POST", "/groups/default/artifacts?ifExists=RETURN_OR_UPDATE", text.encode(),
                     base=f"http://127.0.0.1:{self.port}/apis/registry/v2",
                     headers={"Content-Type": "application/json", "X-Registry-ArtifactId": subject,
                              "X-Registry-ArtifactType": kind})

    # -- its life -------------------------------------------------------------------------------

    def pause(self):
        self.child.signal(signal.SIGSTOP)

    def resume(self):
        self.child.signal(signal.SIGCONT)

    def kill(self):
        """Ends the process, keeps data and port: start() goes on with them."""
        if self.child:
            self.child.kill()
            self.child = None

    halt = kill

    def restart(self):
        self.kill()
        self.start()

    def stop(self):
        self.kill()
        proc.remove_folder(self.folder)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def _quoted(subject):
    return urllib.parse.quote(subject, safe="")


@dataclasses.dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict  # names in lower case
    body: bytes

    def json(self):
        return json.loads(self.body)


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def bearer(token):
    return "Bearer " + token


class StandInRegistry:
    """A registry made of a dictionary, in a thread: registers, looks up, and refuses whatever it is told to.

    `authorization` is the one header that it lets in (basic(), bearer()); None lets everybody in. refuse() and
    hang() hold until accept(). `requests` has everything that was asked. Ids begin at `first_id`: unlike those
    of any other registry of a test, so that nobody's id is taken for another's. With tls it speaks HTTPS only, with a
    certificate of its own in the file `ca`. stop() ends it.
    """

    child = None  # it is no process

    def __init__(self, authorization=None, first_id=7001, tls=False):
        self.authorization = authorization
        self.requests = []
        self._lock = threading.Lock()
        self._refusals = {}  # subject, or None for all -> (status, error code, message)
        self._released = threading.Event()  # unset while hanging
        self._released.set()
        self._next_id = first_id
        self._schemas = {}  # id -> request body
        self._subjects = {}  # subject -> list of ids
        self._server = _Server(("127.0.0.1", 0), self)
        self.port = self._server.server_address[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self.folder = proc.make_folder("stand-in")
        self.ca = self.folder / "ca.pem"
        if tls:
            key = self.folder / "key.pem"
            _make_certificate(self.ca, key)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.ca, key)
            # The handshake is made by the thread that serves the connection.
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True,
                                                      do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def refuse(self, status, message, code=None, subject=None):
        """From now on every request (about that subject) is refused in these words."""
        with self._lock:
            self._refusals[subject] = (status, code or status, message)

    def hang(self):
        """From now on a request is taken and never answered."""
        self._released.clear()

    def accept(self, subject=None):
        """Ends refuse(…, subject) and hang()."""
        with self._lock:
            self._refusals.pop(subject, None)
        self._released.set()

    def asked(self, part=""):
        """The requests so far whose path holds `part`."""
        with self._lock:
            return [request for request in self.requests if part in request.path]

    def schema_of(self, number):
        """The body that was registered under that id."""
        with self._lock:
            return self._schemas[number]

    def subjects(self):
        with self._lock:
            return sorted(self._subjects)

    def stop(self):
        self._released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)
        proc.remove_folder(self.folder)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    # -- answers; called by the server's threads --------------------------------------------------

    def answer(self, request):
        """(status, what is sent as JSON)"""
        with self._lock:
            self.requests.append(request)
        self._released.wait(120)
        with self._lock:
            if self.authorization and request.headers.get("authorization") != self.authorization:
                return 401, {"error_code": 401, "message": "Unauthorized"}
            path = urllib.parse.urlsplit(request.path).path
            parts = [urllib.parse.unquote(part) for part in path.strip("/").split("/")]
            subject = parts[1] if len(parts) > 1 and parts[0] == "subjects" else None
            refusal = self._refusals.get(subject) or self._refusals.get(None)
            if refusal:
                status, code, message = refusal
                return status, {"error_code": code, "message": message}
            return self._served(request, parts, subject)

    def _served(self, request, parts, subject):
        if parts == ["subjects"]:
            return 200, sorted(self._subjects)
        if parts[:2] == ["schemas", "ids"] and len(parts) == 3 and parts[2].isdigit():
            found = self._schemas.get(int(parts[2]))
            return (200, found) if found else (404, {"error_code": 40403, "message": "Schema not found"})
        if subject is None:
            return 404, {"error_code": 404, "message": "HTTP 404 Not Found"}
        known = self._subjects.get(subject, [])
        if request.method == "POST" and parts[2:] == ["versions"]:
            return 200, {"id": self._register(subject, request.json())}
        if not known:
            return 404, {"error_code": 40401, "message": f"Subject '{subject}' not found."}
        if request.method == "POST" and len(parts) == 2:
            for version, number in enumerate(known, 1):
                if self._schemas[number]["schema"] == request.json()["schema"]:
                    return 200, self._version(subject, version, number)
            return 404, {"error_code": 40403, "message": "Schema not found"}
        if request.method == "GET" and parts[2:] == ["versions", "latest"]:
            return 200, self._version(subject, len(known), known[-1])
        return 404, {"error_code": 40402, "message": "Version not found."}

    def _register(self, subject, body):
        body = {name: body[name] for name in ("schemaType", "schema") if name in body}
        number = next((number for number, known in self._schemas.items() if known == body), None)
        if number is None:
            number, self._next_id = self._next_id, self._next_id + 1
            self._schemas[number] = body
        versions = self._subjects.setdefault(subject, [])
        if number not in versions:
            versions.append(number)
        return number

    def _version(self, subject, version, number):
        return {"subject": subject, "version": version, "id": number, **self._schemas[number]}


def _make_certificate(certificate_path, key_path):
    """One that signs itself, for 127.0.0.1, for a day."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "stand-in registry")])
    now, day = datetime.datetime.now(datetime.timezone.utc), datetime.timedelta(days=1)
    certificate = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
                   .serial_number(x509.random_serial_number()).not_valid_before(now - day).not_valid_after(now + day)
                   .add_extension(x509.SubjectAlternativeName(
                       [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
                   .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
                   .sign(key, hashes.SHA256()))
    certificate_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                           serialization.NoEncryption()))


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address, registry):
        super().__init__(address, _Handler)
        self.registry = registry

    def handle_error(self, request, client_address):
        """A client that went away while it waited is nothing to write home about."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def _handle(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        status, answer = self.server.registry.answer(Request(self.command, self.path, headers, body))
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", CONTENT_TYPE)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_DELETE = _handle

    def log_message(self, *_):
        pass
