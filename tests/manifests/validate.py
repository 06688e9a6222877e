"""Prints what is wrong with Kubernetes objects: one line for each, nothing when all are right.

    validate.py VERSION[,VERSION...] FILE...

Built-in kinds are held against Kubernetes' own schemas at each version, those of the operators
against their published models; fields that neither knows are wrong. A kind that nothing here has a
schema for is wrong too.
"""

import json
import sys

import kubernetes_validate
import yaml
from jsonschema import Draft7Validator
from cloudcoil.models.cert_manager import v1 as cert_manager
from cloudcoil.models.prometheus_operator import v1 as prometheus_operator
from pydantic import ValidationError

# Of Gateway API's TLSRoute, as its standard channel has it since 1.5: what ours may hold.
TEXT = {"type": "string", "minLength": 1}
PORT = {"type": "integer", "minimum": 1, "maximum": 65535}


def table(required, **properties):
    known = {"type": "object", "additionalProperties": False}
    return known | {"required": required, "properties": properties}


def few(items, most):
    return {"type": "array", "minItems": 1, "maxItems": most, "items": items}


TLS_ROUTE = table(
    ["apiVersion", "kind", "metadata", "spec"],
    apiVersion=TEXT,
    kind=TEXT,
    metadata={"type": "object"},
    spec=table(
        ["hostnames", "rules"],
        parentRefs=few(table(["name"], name=TEXT, namespace=TEXT, sectionName=TEXT, port=PORT), 32),
        hostnames=few(TEXT, 16),
        rules=few(
            table(["backendRefs"], backendRefs=few(table(["name", "port"], name=TEXT, port=PORT), 16)), 1
        ),
    ),
)

CUSTOM = {
    ("cert-manager.io/v1", "Certificate"): cert_manager.Certificate,
    ("monitoring.coreos.com/v1", "PodMonitor"): prometheus_operator.PodMonitor,
    ("monitoring.coreos.com/v1", "ServiceMonitor"): prometheus_operator.ServiceMonitor,
    ("monitoring.coreos.com/v1", "PrometheusRule"): prometheus_operator.PrometheusRule,
}


def complaints(document, versions):
    if (document.get("apiVersion"), document.get("kind")) == ("gateway.networking.k8s.io/v1", "TLSRoute"):
        for error in Draft7Validator(TLS_ROUTE).iter_errors(document):
            yield f"{error.json_path}: {error.message}"
        return
    model = CUSTOM.get((document.get("apiVersion"), document.get("kind")))
    if model is not None:
        try:
            model.model_validate(document, extra="forbid")
        except ValidationError as error:
            for problem in error.errors():
                yield f"{'.'.join(str(step) for step in problem['loc'])}: {problem['msg']}"
        return
    for version in versions:
        try:
            kubernetes_validate.validate(document, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            yield f"{version}: {'.'.join(str(step) for step in error.path)}: {error.message}"
        except kubernetes_validate.SchemaNotFoundError:
            yield f"{version}: no schema"


def main():
    versions = sys.argv[1].split(",")
    # Most objects are the same in every overlay.
    known = {}
    for file in sys.argv[2:]:
        with open(file, encoding="utf-8") as text:
            for document in yaml.safe_load_all(text):
                name = f"{file}: {document.get('kind')} {document.get('metadata', {}).get('name')}"
                same = json.dumps(document, sort_keys=True)
                if same not in known:
                    known[same] = list(complaints(document, versions))
                for complaint in known[same]:
                    print(f"{name}: {complaint}")


main()
