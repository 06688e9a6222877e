"""Prints what of configuration files isn't as a JSON Schema has it: one line for each.

    settings.py SCHEMA FILE...
"""

import json
import sys

import yaml
from jsonschema import Draft7Validator


def main():
    with open(sys.argv[1], encoding="utf-8") as text:
        schema = json.load(text)
    Draft7Validator.check_schema(schema)
    validator = Draft7Validator(schema)
    for file in sys.argv[2:]:
        with open(file, encoding="utf-8") as text:
            document = yaml.safe_load(text)
        for error in validator.iter_errors(document):
            print(f"{file}: {error.json_path}: {error.message}")


main()
