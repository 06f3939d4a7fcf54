"""Reads docs/test-vectors.json as docs/protocol.md says, with nothing of the project's own code.

Prints one line of JSON for each vector: its part, its name, and what this reader makes of it, as a
reader of version 1 and of version 2 of the protocol.
"""

import base64
import hashlib
import json
import re
import sys
from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import load_der_public_key

COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{86}\Z")
THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}\Z")
JTI = re.compile(r"[A-Za-z0-9_-]{16,64}\Z")


def decode(text):
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != text:
        raise ValueError("another spelling of the same bytes")
    return raw


def digest(text):
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def unique(pairs):
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a repeated member")
    return members


def json_object(raw):
    if raw.startswith(b"\xef\xbb\xbf"):
        raise ValueError("a byte order mark")
    value = json.loads(raw.decode("utf-8"), object_pairs_hook=unique)
    if not isinstance(value, dict):
        raise ValueError("no object")
    return value


def public_key(jwk):
    x, y = decode(jwk["x"]), decode(jwk["y"])
    if jwk["crv"] != "P-256" or len(x) != 32 or len(y) != 32:
        raise ValueError("no key of P-256")
    point = ec.EllipticCurvePublicNumbers(
        int.from_bytes(x, "big"), int.from_bytes(y, "big"), ec.SECP256R1()
    )
    return point.public_key()


def is_signed_by(jws, key):
    signed, _, signature = jws.rpartition(".")
    raw = decode(signature)
    der = utils.encode_dss_signature(
        int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
    )
    try:
        key.verify(der, signed.encode(), ec.ECDSA(hashes.SHA256()))
        return True
    except InvalidSignature:
        return False


def opened(jws, typ):
    """Header and payload of a strict compact form; raises ValueError for any other."""
    if not COMPACT.match(jws):
        raise ValueError("not compact")
    header, payload, signature = jws.split(".")
    decode(signature)
    head = json_object(decode(header))
    if set(head) != {"alg", "typ", "kid"} or head["alg"] != "ES256" or head["typ"] != typ:
        raise ValueError("another header")
    return head, json_object(decode(payload))


def is_int(value):
    return isinstance(value, int) and not isinstance(value, bool)


def texts(members, *names):
    return all(isinstance(members.get(name), str) for name in names)


CONTEXT = ["application", "action", "ip", "location", "userAgent"]
PATHS = {"number", "ctx.relyingParty", "ctx.fields", "ctx.transaction"} | {
    "ctx." + name for name in CONTEXT
}


def is_context(ctx, strict):
    if not isinstance(ctx, dict) or not texts(ctx, "relyingParty"):
        return False
    if strict and not set(ctx) <= {"relyingParty", "fields", *CONTEXT}:
        return False
    if not all(isinstance(ctx[name], str) for name in CONTEXT if name in ctx):
        return False
    fields = ctx.get("fields", [])
    if not isinstance(fields, list) or not all(
        isinstance(one, dict) and set(one) == {"label", "value"} and texts(one, "label", "value")
        for one in fields
    ):
        return False
    payment = ctx.get("transaction")
    names = ("amount", "currency", "payee")
    return payment is None or (
        isinstance(payment, dict) and set(payment) == set(names) and texts(payment, *names)
    )


MEMBERS = {"iss", "aud", "jti", "cid", "tid", "sub", "nonce", "iat", "exp", "ctx", "number", "uv"}


def request_fault(claims, version):
    """Undefined for a request whose members are right."""
    strict = True
    if version >= 2 and ("ver" in claims or "must" in claims):
        ver, must = claims.get("ver"), claims.get("must")
        if not is_int(ver) or ver < 2 or not isinstance(must, list):
            return "malformed"
        if not all(isinstance(path, str) for path in must):
            return "malformed"
        if ver > version or not set(must) <= PATHS:
            return "update_needed"
        strict = False
    if not MEMBERS <= set(claims) or (strict and set(claims) != MEMBERS):
        return "malformed"
    number = claims["number"]
    is_number = number is None or (
        isinstance(number, dict)
        and set(number) == {"digits"}
        and is_int(number["digits"])
        and 1 <= number["digits"] <= 8
    )
    good = (
        texts(claims, "iss", "aud", "jti", "cid", "tid", "sub", "nonce")
        and is_int(claims["iat"])
        and is_int(claims["exp"])
        and 0 < claims["exp"] - claims["iat"] <= 600
        and claims["uv"] in ("required", "preferred", "not_required")
        and is_number
        and is_context(claims["ctx"], strict)
    )
    return None if good else "malformed"


def read_request(vectors, jws, version, now):
    try:
        head, claims = opened(jws, "approval-request+jwt")
    except ValueError:
        return "malformed"
    pinned = {key["kid"]: key for key in vectors["keySet"]["keys"]}
    if head["kid"] not in pinned:
        return "key_unknown"
    if not is_signed_by(jws, public_key(pinned[head["kid"]])):
        return "signature_wrong"
    fault = request_fault(claims, version)
    if fault:
        return fault
    for member, known, code in (
        ("iss", "issuer", "issuer_wrong"),
        ("tid", "tenantId", "tenant_wrong"),
        ("aud", "deviceId", "audience_wrong"),
        ("sub", "userId", "user_wrong"),
        ("cid", "challengeId", "challenge_wrong"),
    ):
        if claims[member] != vectors[known]:
            return code
    if claims["exp"] <= now:
        return "expired"
    return "not_yet_valid" if claims["iat"] > now + 60 else "ok"


RESULT_MEMBERS = {
    *("iss", "aud", "jti", "iat", "exp", "tid", "cid", "sub", "binding", "decision", "reason"),
    *("did", "number", "amr", "auth_time", "new_device", "ver", "must"),
}


def read_result(vectors, jws, now):
    expected = vectors["resultExpectation"]
    try:
        head, claims = opened(jws, "approval-result+jwt")
    except ValueError:
        return "malformed"
    service = {vectors["keys"][name]["kid"]: vectors["keys"][name] for name in ("service1", "service2")}
    if head["kid"] not in service:
        return "key_unknown"
    if not is_signed_by(jws, public_key(service[head["kid"]])):
        return "signature_wrong"
    if claims["iss"] != expected["issuer"]:
        return "issuer_wrong"
    if claims["aud"] != expected["audience"]:
        return "audience_wrong"
    if claims["exp"] <= now:
        return "expired"
    if claims["cid"] != expected["challengeId"]:
        return "challenge_wrong"
    if claims.get("binding") != expected["binding"]:
        return "binding_wrong"
    must = claims.get("must", [])
    if not isinstance(must, list):
        return "malformed"
    return "ok" if set(must) <= RESULT_MEMBERS else "member_unknown"


def thumbprint(jwk):
    return digest('{"crv":"P-256","kty":"EC","x":"%s","y":"%s"}' % (jwk["x"], jwk["y"]))


def read_claim(vectors, vector, version, now):
    """The code of the first fault, as a service of this version reports it."""
    try:
        keys = {role: public_key(jwk) for role, jwk in vector["keys"].items()}
    except ValueError:
        return "invalid_request"
    kids = {role: thumbprint(jwk) for role, jwk in vector["keys"].items()}
    if len(set(kids.values())) != len(kids):
        return "key_already_registered"
    plain = next((one for one in vectors["codes"] if one["given"] == vector["code"]), {})
    facts = {"aud": vectors["issuer"], "ch": plain.get("hash"), "pk": kids["possession"]}
    versions = []
    for role in keys:
        jws = vector["proofs"].get(role, "")
        try:
            head, claims = opened(jws, "device-claim+jwt")
        except ValueError:
            return "proof_malformed"
        members = {"aud", "ch", "pk", "vk", "iat", "jti"}
        if version >= 2 and "protocolVersion" in claims:
            named = claims.pop("protocolVersion")
            if not is_int(named) or not 1 <= named <= 1000:
                return "invalid_request"
            versions.append(named)
        else:
            versions.append(1)
        if not set(claims) <= members or not members - {"vk"} <= set(claims):
            return "proof_malformed"
        if not texts(claims, "aud", "ch", "pk", "jti") or not is_int(claims["iat"]):
            return "proof_malformed"
        if not THUMBPRINT.match(head["kid"]) or not JTI.match(claims["jti"]):
            return "proof_malformed"
        if head["kid"] != kids[role] or claims.get("vk") != kids.get("verification"):
            return "proof_invalid"
        if any(claims[name] != value for name, value in facts.items()):
            return "proof_invalid"
        if not now - 60 <= claims["iat"] <= now + 10:
            return "clock_skew"
        if not is_signed_by(jws, keys[role]):
            return "proof_invalid"
    return "ok" if len(set(versions)) == 1 else "proof_invalid"


def read_rotation(vectors, vector, now):
    """The code of the first fault of a new key, and of the proof that introduces it."""
    try:
        key = public_key(vector["key"])
    except ValueError:
        return "invalid_request"
    kid, role = thumbprint(vector["key"]), vector["role"]
    own = {one: vectors["keys"][one]["kid"] for one in ("possession", "verification")}
    if any(own[one] == kid for one in own if one != role):
        return "key_already_registered"
    try:
        head, claims = opened(vector["proof"], "device-key+jwt")
    except ValueError:
        return "proof_malformed"
    names = ("aud", "did", "role", "pk", "replaces", "jti")
    if set(claims) != {*names, "iat"} or not texts(claims, *names) or not is_int(claims["iat"]):
        return "proof_malformed"
    if not THUMBPRINT.match(head["kid"]) or not JTI.match(claims["jti"]):
        return "proof_malformed"
    facts = {"aud": vectors["issuer"], "did": vectors["deviceId"], "role": role, "pk": kid}
    if own[role] != kid:
        facts["replaces"] = own[role]
    if head["kid"] != kid or any(claims[name] != value for name, value in facts.items()):
        return "proof_invalid"
    if not now - 60 <= claims["iat"] <= now + 10:
        return "clock_skew"
    return "ok" if is_signed_by(vector["proof"], key) else "proof_invalid"


SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")
UP, UV, BE, BS, AT, ED = 0x01, 0x04, 0x08, 0x10, 0x40, 0x80


def authenticator_data(raw):
    """RP ID hash, flags, and the credential (id, x, y) or None; raises ValueError."""
    if len(raw) < 37:
        raise ValueError("cut")
    flags, rest, credential = raw[32], raw[37:], None
    if flags & AT:
        length = int.from_bytes(rest[16:18], "big")
        cose = rest[18 + length : 18 + length + 77]
        if len(rest) < 18 or not 0 < length < 1024 or len(cose) < 77:
            raise ValueError("cut")
        if cose[:10].hex() != "a5010203262001215820" or cose[42:45].hex() != "225820":
            raise ValueError("not ES256")
        credential = (rest[18 : 18 + length], cose[10:42], cose[45:])
        rest = rest[18 + length + 77 :]
    if bool(rest) != bool(flags & ED):
        raise ValueError("bytes that no flag announces")
    return raw[:32], flags, credential


def read_passkey(vector):
    key = vector["key"]
    try:
        spki = decode(key["publicKey"])
        _, flags, credential = authenticator_data(decode(key["authenticatorData"]))
        known = credential and (decode(key["id"]), SPKI + credential[1] + credential[2])
    except ValueError:
        return "invalid_request"
    is_odd = bool(flags & BS) and not flags & BE
    is_own = known == (credential and credential[0], spki)
    return "ok" if credential and is_own and not is_odd else "invalid_request"


def assertion_fault(passkey, assertion, jws):
    """The first fault of an assertion over the signed part of this text."""
    if assertion["id"] != passkey["id"]:
        return "credential"
    client_raw, raw = decode(assertion["clientDataJSON"]), decode(assertion["authenticatorData"])
    client = json_object(client_raw)
    if client.get("type") != "webauthn.get":
        return "type"
    if client.get("challenge") != digest(jws.rpartition(".")[0]):
        return "challenge"
    if client.get("origin") != passkey["origin"]:
        return "origin"
    if client.get("crossOrigin", False) is not False or "topOrigin" in client:
        return "cross_origin"
    try:
        rp_id_hash, flags, credential = authenticator_data(raw)
    except ValueError:
        return "malformed"
    if rp_id_hash != hashlib.sha256(passkey["rpId"].encode()).digest():
        return "rp_id"
    if not flags & UP:
        return "user_presence"
    if not flags & UV:
        return "user_verification"
    if flags & (BE | BS):
        return "backup_eligibility"
    if flags & ED or credential:
        return "extra_data"
    key = load_der_public_key(decode(passkey["publicKey"]))
    signed = raw + hashlib.sha256(client_raw).digest()
    try:
        key.verify(decode(assertion["signature"]), signed, ec.ECDSA(hashes.SHA256()))
        return None
    except InvalidSignature:
        return "signature"


def read_passkey_claim(vectors, vector):
    passkey, proof = vectors["passkey"], vector["proofs"]["possession"]
    _, claims = opened(proof, "device-claim+jwt")
    if claims.get("vk") != passkey["kid"]:
        return "proof_invalid"
    if not is_signed_by(proof, public_key(vectors["keys"]["possession"])):
        return "proof_invalid"
    assertion = vector["proofs"]["verification"]
    if not isinstance(assertion, dict):
        return "proof_malformed"
    return "proof_invalid" if assertion_fault(passkey, assertion, proof) else "ok"


def read_passkey_answer(vectors, vector):
    passkey, jws, assertion = vectors["passkey"], vector["jws"], vector["assertion"]
    head, claims = opened(jws, "approval-response+jwt")
    uv, vk = claims.get("uv"), claims.get("vk")
    is_named = uv == "webauthn" and isinstance(vk, str) and bool(THUMBPRINT.match(vk))
    if not is_named and not (isinstance(uv, bool) and "vk" not in claims):
        return "answer_malformed"
    own = vectors["keys"]["possession"]
    if head["kid"] != own["kid"] or not is_signed_by(jws, public_key(own)):
        return "answer_invalid"
    if uv is True or (is_named and vk != passkey["kid"]):
        return "answer_invalid"
    if is_named != (assertion is not None):
        return "answer_invalid"
    return "answer_invalid" if assertion and assertion_fault(passkey, assertion, jws) else "ok"


def main(path):
    with open(path, encoding="utf-8") as file:
        vectors = json.load(file)
    now = datetime.fromisoformat(vectors["time"].replace("Z", "+00:00")).timestamp()

    def report(part, name, first, second):
        print(json.dumps({"part": part, "name": name, "version1": first, "version2": second}))

    for vector in vectors["requests"]:
        read = [read_request(vectors, vector["jws"], version, now) for version in (1, 2)]
        report("requests", vector["name"], *read)
    for vector in vectors["claims"]:
        read = [read_claim(vectors, vector, version, now) for version in (1, 2)]
        report("claims", vector["name"], *read)
    for vector in vectors["keyRotations"]:
        read = read_rotation(vectors, vector, now)
        report("keyRotations", vector["name"], read, read)
    for part, read_part in (
        ("passkeys", lambda vector: read_passkey(vector)),
        ("passkeyClaims", lambda vector: read_passkey_claim(vectors, vector)),
        ("passkeyAnswers", lambda vector: read_passkey_answer(vectors, vector)),
    ):
        for vector in vectors[part]:
            read = read_part(vector)
            report(part, vector["name"], read, read)
    for vector in vectors["results"]:
        read = read_result(vectors, vector["jws"], now)
        report("results", vector["name"], read, read)


main(sys.argv[1])
