# Calls routes with the unmodified duo_client; calls come as JSON on stdin, one per line, and the
# answers go to stdout likewise.
import hashlib
import json
import sys

import duo_client

settings = json.loads(sys.stdin.readline())
signing = {"sig_version": settings["version"], "digestmod": getattr(hashlib, settings["digest"])}
auth = duo_client.Auth(
    settings["integrationKey"],
    settings["secret"],
    "localhost",
    ca_certs=settings["ca"],
    port=settings["port"],
    **signing,
)
print(json.dumps(duo_client.__version__), flush=True)
for line in sys.stdin:
    call = json.loads(line)
    try:
        answer = {"answer": getattr(auth, call["name"])(**call["params"])}
    except RuntimeError as error:
        answer = {"status": error.status, "refused": str(error)}
    print(json.dumps(answer), flush=True)
