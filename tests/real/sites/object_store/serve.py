"""moto's S3 on a free port of this machine, with what moto leaves out: requests without credentials are
refused, and a presigned address is good only as it was signed, at the host for which it was signed.

Takes the bucket and the secret key. Says where it listens, and then each request."""

import hashlib
import hmac
import sys
from urllib.parse import unquote

from moto.server import create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

BUCKET, SECRET = sys.argv[1:]


def hmac_of(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def signature(environ, pairs):
    """AWS's signature of a presigned request (SigV4, with the query)."""
    path, _, _ = environ["RAW_URI"].partition("?")
    asked = dict(pairs)
    _, day, region, service, last = unquote(asked["X-Amz-Credential"]).split("/")
    names = unquote(asked["X-Amz-SignedHeaders"]).split(";")
    headers = "".join(f"{name}:{environ['HTTP_' + name.upper().replace('-', '_')]}\n" for name in names)
    signed = "&".join(sorted("=".join(pair) for pair in pairs if pair[0] != "X-Amz-Signature"))
    request = [environ["REQUEST_METHOD"], path, signed, headers, ";".join(names), "UNSIGNED-PAYLOAD"]
    digest = hashlib.sha256("\n".join(request).encode()).hexdigest()
    scope = f"{day}/{region}/{service}/{last}"
    text = "\n".join(["AWS4-HMAC-SHA256", asked["X-Amz-Date"], scope, digest])
    key = ("AWS4" + SECRET).encode()
    for part in (day, region, service, last):
        key = hmac_of(key, part)
    return hmac_of(key, text).hex()


def refusal(environ):
    """Why S3 refuses this request, if it does."""
    _, _, query = environ["RAW_URI"].partition("?")
    pairs = [pair.partition("=")[::2] for pair in query.split("&") if pair]
    presigned, header = dict(pairs).get("X-Amz-Signature"), environ.get("HTTP_AUTHORIZATION")
    if presigned and header:
        return "400 Bad Request", "InvalidArgument"
    if not presigned and not header:
        return "403 Forbidden", "AccessDenied"
    if presigned and not hmac.compare_digest(presigned, signature(environ, pairs)):
        return "403 Forbidden", "SignatureDoesNotMatch"
    return None


def application(environ, start_response):
    why = refusal(environ)
    if why is None:
        return s3(environ, start_response)
    status, code = why
    start_response(status, [("Content-Type", "application/xml"), ("Connection", "close")])
    return [f"<Error><Code>{code}</Code></Error>".encode()]


class Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_request(self, code="-", size="-"):
        path = self.path.partition("?")[0]
        part = self.headers.get("Range", "-")
        print(self.command, path, code, part, flush=True)


s3 = create_backend_app("s3")
signed = {"Authorization": "AWS4-HMAC-SHA256 Credential=x/20240101/us-east-1/s3/aws4_request"}
assert s3.test_client().put(f"/{BUCKET}", headers=signed).status_code == 200
server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=Handler)
print("listening on", server.server_port, flush=True)
server.serve_forever()
