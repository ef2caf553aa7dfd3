"""What a test's broker has beside its open listener: listeners that ask for a password, a token or a certificate, as
broker properties."""
import datetime
import ipaddress

from . import proc


class Guards:
    """Three listeners, each where it is asked for. `users` (names and passwords): SASL PLAIN, and they may do only what
    is granted. `tokens`: OAUTHBEARER with tokens that nobody signs. `tls`: a certificate of `authority`; where there is a
    `client_authority`, clients need one of its. Who comes by the last two may do anything."""

    def __init__(self, folder, users=None, tokens=False, tls=False):
        self.folder = folder
        self.users = dict(users or {})
        self.addresses = {name: f"127.0.0.1:{proc.free_port()}"
                          for name, asked in (("guarded", self.users), ("tokens", tokens), ("secure", tls)) if asked}
        self.authority = Authority() if tls else None
        self.client_authority = None

    def listeners(self):
        """(listener, address, protocol), as the broker names them."""
        protocols = {"guarded": "SASL_PLAINTEXT", "tokens": "SASL_PLAINTEXT", "secure": "SSL"}
        return [(name.upper(), address, protocols[name]) for name, address in self.addresses.items()]

    def properties(self):
        found = {}
        mechanisms = []
        if "guarded" in self.addresses:
            mechanisms.append("PLAIN")
            named = " ".join(f'user_{name}="{password}"' for name, password in self.users.items())
            found |= {
                "listener.name.guarded.sasl.enabled.mechanisms": "PLAIN",
                "listener.name.guarded.plain.sasl.jaas.config":
                    f"org.apache.kafka.common.security.plain.PlainLoginModule required {named};",
                "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
                # Who comes by the open listener, by TLS or with a token.
                "super.users": "User:ANONYMOUS;User:bearer;User:CN=client",
            }
        if "tokens" in self.addresses:
            mechanisms.append("OAUTHBEARER")
            found |= {
                "listener.name.tokens.sasl.enabled.mechanisms": "OAUTHBEARER",
                "listener.name.tokens.oauthbearer.sasl.jaas.config":
                    "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required "
                    'unsecuredLoginStringClaim_sub="broker";',
            }
        if mechanisms:
            found["sasl.enabled.mechanisms"] = ",".join(mechanisms)
        if self.authority:
            store = self.folder / "broker.pem"
            store.write_bytes(self.authority.issue("broker"))
            found |= {"listener.name.secure.ssl.keystore.type": "PEM",
                      "listener.name.secure.ssl.keystore.location": store,
                      "listener.name.secure.ssl.client.auth": "required" if self.client_authority else "none"}
        if self.client_authority:
            trusted = self.folder / "trusted.pem"
            trusted.write_bytes(self.client_authority.pem)
            found |= {"listener.name.secure.ssl.truststore.type": "PEM",
                      "listener.name.secure.ssl.truststore.location": trusted}
        return found


class Authority:
    """Signs certificates for 127.0.0.1 that are good for a day. `pem` is its own."""

    def __init__(self, name="test authority"):
        from cryptography import x509
        from cryptography.hazmat.primitives.asymmetric import ec
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.pem = self._pem(self._sign(self.name, self.key.public_key(), True))

    def issue(self, name):
        """Key and certificate in one text."""
        from cryptography import x509
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        text = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                 serialization.NoEncryption())
        return text + self._pem(self._sign(subject, key.public_key(), False)) + self.pem

    def _sign(self, subject, public_key, is_authority):
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes
        now, day = datetime.datetime.now(datetime.timezone.utc), datetime.timedelta(days=1)
        builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(public_key)
                   .serial_number(x509.random_serial_number()).not_valid_before(now - day).not_valid_after(now + day)
                   .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True))
        if not is_authority:
            addresses = [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
            builder = builder.add_extension(x509.SubjectAlternativeName(addresses), critical=False)
        return builder.sign(self.key, hashes.SHA256())

    @staticmethod
    def _pem(certificate):
        from cryptography.hazmat.primitives import serialization
        return certificate.public_bytes(serialization.Encoding.PEM)
