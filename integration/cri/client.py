#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""client - speaks the Container Runtime Interface (CRI v1) as a kubelet does, for the tests.

    client.py SOCKET METHOD [REQUEST]      one call; REQUEST and the answer are JSON
    client.py SOCKET Stream [REQUEST]      Exec, and the websocket it leads to: {"container_id", "cmd",
                                           "tty", "stdin", "until"}; the answer has stdout, stderr, status
    client.py SOCKET --serve               lines of ["METHOD", REQUEST] in; each answer is its exit status,
                                           a newline, the text and a NUL

Starting Python with gRPC costs more than a call does, hence --serve. The messages are encoded here from
the table below (numbers as in the CRI's api.proto) and need no compiler: a field that is not in the
table cannot be sent, and is left out of an answer.
"""
import base64
import json
import os
import socket
import struct
import sys
import urllib.parse

import grpc

SERVICE = "/runtime.v1.RuntimeService/"
CALL_SECONDS = 300

# NAME=NUMBER:TYPE; TYPE is s (text), b (bytes), i (integer, bool or enum), m (map of texts) or a message;
# a + before it says that it is repeated.
MESSAGES = {
    "Int64Value": "value=1:i",
    "KeyValue": "key=1:s value=2:s",
    "ImageSpec": "image=1:s annotations=2:m",
    "NamespaceOption": "network=1:i pid=2:i ipc=3:i target_id=4:s",
    "SecurityProfile": "profile_type=1:i localhost_ref=2:s",
    "Capability": "add_capabilities=1:+s drop_capabilities=2:+s add_ambient_capabilities=3:+s",
    "DNSConfig": "servers=1:+s searches=2:+s options=3:+s",
    "Mount": "container_path=1:s host_path=2:s readonly=3:i selinux_relabel=4:i propagation=5:i",
    "Device": "container_path=1:s host_path=2:s permissions=3:s",
    "LinuxContainerResources": "cpu_period=1:i cpu_quota=2:i cpu_shares=3:i memory_limit_in_bytes=4:i "
        "oom_score_adj=5:i cpuset_cpus=6:s cpuset_mems=7:s unified=9:m memory_swap_limit_in_bytes=10:i",
    "LinuxSandboxSecurityContext": "namespace_options=1:NamespaceOption run_as_user=3:Int64Value "
        "readonly_rootfs=4:i supplemental_groups=5:+i privileged=6:i run_as_group=8:Int64Value "
        "seccomp=9:SecurityProfile apparmor=10:SecurityProfile",
    "LinuxPodSandboxConfig": "cgroup_parent=1:s security_context=2:LinuxSandboxSecurityContext sysctls=3:m",
    "PodSandboxMetadata": "name=1:s uid=2:s namespace=3:s attempt=4:i",
    "PodSandboxConfig": "metadata=1:PodSandboxMetadata hostname=2:s log_directory=3:s "
        "dns_config=4:DNSConfig labels=6:m annotations=7:m linux=8:LinuxPodSandboxConfig",
    "LinuxContainerSecurityContext": "capabilities=1:Capability privileged=2:i "
        "namespace_options=3:NamespaceOption run_as_user=5:Int64Value run_as_username=6:s "
        "readonly_rootfs=7:i supplemental_groups=8:+i no_new_privs=11:i run_as_group=12:Int64Value "
        "masked_paths=13:+s readonly_paths=14:+s seccomp=15:SecurityProfile apparmor=16:SecurityProfile",
    "LinuxContainerConfig": "resources=1:LinuxContainerResources "
        "security_context=2:LinuxContainerSecurityContext",
    "ContainerMetadata": "name=1:s attempt=2:i",
    "ContainerConfig": "metadata=1:ContainerMetadata image=2:ImageSpec command=3:+s args=4:+s "
        "working_dir=5:s envs=6:+KeyValue mounts=7:+Mount devices=8:+Device labels=9:m annotations=10:m "
        "log_path=11:s stdin=12:i stdin_once=13:i tty=14:i linux=15:LinuxContainerConfig",
    "RuntimeCondition": "type=1:s status=2:i reason=3:s message=4:s",
    "RuntimeStatus": "conditions=1:+RuntimeCondition",
    "PodSandboxNetworkStatus": "ip=1:s",
    "PodSandboxStatus": "id=1:s metadata=2:PodSandboxMetadata state=3:i network=5:PodSandboxNetworkStatus "
        "annotations=8:m runtime_handler=9:s",
    "PodSandbox": "id=1:s metadata=2:PodSandboxMetadata state=3:i runtime_handler=7:s",
    "Container": "id=1:s pod_sandbox_id=2:s metadata=3:ContainerMetadata image=4:ImageSpec state=6:i",
    "ContainerStatus": "id=1:s metadata=2:ContainerMetadata state=3:i exit_code=7:i image=8:ImageSpec "
        "reason=10:s message=11:s log_path=15:s",
}

# METHOD: the fields of its request and of its answer
METHODS = {
    "Version": ("version=1:s", "version=1:s runtime_name=2:s runtime_version=3:s runtime_api_version=4:s"),
    "Status": ("verbose=1:i", "status=1:RuntimeStatus info=2:m"),
    "RunPodSandbox": ("config=1:PodSandboxConfig runtime_handler=2:s", "pod_sandbox_id=1:s"),
    "StopPodSandbox": ("pod_sandbox_id=1:s", ""),
    "RemovePodSandbox": ("pod_sandbox_id=1:s", ""),
    "PodSandboxStatus": ("pod_sandbox_id=1:s verbose=2:i", "status=1:PodSandboxStatus info=2:m"),
    "ListPodSandbox": ("", "items=1:+PodSandbox"),
    "CreateContainer": ("pod_sandbox_id=1:s config=2:ContainerConfig sandbox_config=3:PodSandboxConfig",
                        "container_id=1:s"),
    "StartContainer": ("container_id=1:s", ""),
    "StopContainer": ("container_id=1:s timeout=2:i", ""),
    "RemoveContainer": ("container_id=1:s", ""),
    "ListContainers": ("", "containers=1:+Container"),
    "ContainerStatus": ("container_id=1:s verbose=2:i", "status=1:ContainerStatus info=2:m"),
    "UpdateContainerResources": ("container_id=1:s linux=2:LinuxContainerResources annotations=4:m", ""),
    "ReopenContainerLog": ("container_id=1:s", ""),
    "ExecSync": ("container_id=1:s cmd=2:+s timeout=3:i", "stdout=1:b stderr=2:b exit_code=3:i"),
    "Exec": ("container_id=1:s cmd=2:+s tty=3:i stdin=4:i stdout=5:i stderr=6:i", "url=1:s"),
    "Attach": ("container_id=1:s stdin=2:i tty=3:i stdout=4:i stderr=5:i", "url=1:s"),
}


class Failure(Exception):
    """What a user would be shown."""


# --- messages ---

def fields(layout):
    for word in layout.split():
        name, rest = word.split("=")
        number, kind = rest.split(":")
        yield name, int(number), kind.lstrip("+"), kind.startswith("+")


def varint(value):
    value &= 2**64 - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def tagged(number, body):
    return varint(number << 3 | 2) + varint(len(body)) + body


def encode_one(number, kind, value):
    if kind == "i":
        return varint(number << 3) + varint(int(value))
    if kind == "m":
        return b"".join(tagged(number, tagged(1, k.encode()) + tagged(2, v.encode()))
                        for k, v in value.items())
    if kind in ("s", "b"):
        return tagged(number, value.encode())
    return tagged(number, encode(MESSAGES[kind], value))


def encode(layout, value):
    known = {name: (number, kind, many) for name, number, kind, many in fields(layout)}
    out = b""
    for name, item in value.items():
        if name not in known:
            raise Failure(f"the client knows no field {name}")
        number, kind, many = known[name]
        out += b"".join(encode_one(number, kind, v) for v in (item if many else [item]))
    return out


def read_varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def pieces(data):
    at = 0
    while at < len(data):
        tag, at = read_varint(data, at)
        wire = tag & 7
        if wire == 0:
            value, at = read_varint(data, at)
        else:
            size, at = {1: (8, at), 5: (4, at)}.get(wire) or read_varint(data, at)
            value, at = data[at:at + size], at + size
        yield tag >> 3, value


def decode_one(kind, value):
    if kind == "i":
        return value - 2**64 if value >= 2**63 else value
    if kind in ("s", "b"):
        return value.decode(errors="replace")
    if kind == "m":
        pair = dict(pieces(value))
        return pair.get(1, b"").decode(), pair.get(2, b"").decode()
    return decode(MESSAGES[kind], value)


def decode(layout, data):
    known = {number: (name, kind, many) for name, number, kind, many in fields(layout)}
    # what an answer does not name is its type's zero
    out = {name: {"i": 0, "m": {}, "s": "", "b": ""}.get(kind) if not many else []
           for name, _, kind, many in fields(layout)}
    for number, value in pieces(data):
        if number not in known:
            continue
        name, kind, many = known[number]
        one = decode_one(kind, value)
        if many:
            out[name].append(one)
        elif kind == "m":
            out[name][one[0]] = one[1]
        else:
            out[name] = one
    return out


# --- calls ---

class Client:
    def __init__(self, path):
        self.channel = grpc.insecure_channel("unix://" + path)

    def call(self, method, request):
        if method == "Stream":
            return self.stream(request)
        if method not in METHODS:
            raise Failure(f"the client knows no method {method}")
        asked, answered = METHODS[method]
        stub = self.channel.unary_unary(SERVICE + method, request_serializer=lambda r: encode(asked, r),
                                        response_deserializer=lambda d: decode(answered, d))
        try:
            return stub(request, timeout=CALL_SECONDS, wait_for_ready=True)
        except grpc.RpcError as e:
            raise Failure(f"rpc error: {e.code().name}: {e.details()}") from e

    def stream(self, request):
        """Exec with terminal and input, over the websocket that `kubectl exec` may use."""
        stdin = request.pop("stdin", None)
        until = request.pop("until", None)
        tty = bool(request.get("tty"))
        ask = dict(request, stdin=stdin is not None, stdout=True, stderr=not tty)
        return websocket(self.call("Exec", ask)["url"], stdin, until)


# --- the stream ---

def receive(sock, size):
    data = b""
    while len(data) < size:
        more = sock.recv(size - len(data))
        if not more:
            raise Failure("the stream ends in the middle of a frame")
        data += more
    return data


def frame(opcode, payload):
    """From a client, hence masked."""
    mask = os.urandom(4)
    size = struct.pack("!B", 128 | len(payload)) if len(payload) < 126 else \
        struct.pack("!BH", 128 | 126, len(payload))
    return bytes([128 | opcode]) + size + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload))


def read_frame(sock):
    first, size = receive(sock, 2)
    size &= 127
    if size == 126:
        size, = struct.unpack("!H", receive(sock, 2))
    elif size == 127:
        size, = struct.unpack("!Q", receive(sock, 8))
    return first & 15, receive(sock, size)


def connect(url):
    where = urllib.parse.urlsplit(url)
    sock = socket.create_connection((where.hostname, where.port), timeout=CALL_SECONDS)
    key = base64.b64encode(os.urandom(16)).decode()
    sock.sendall((f"GET {where.path} HTTP/1.1\r\nHost: {where.netloc}\r\nConnection: Upgrade\r\n"
                  f"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
                  "Sec-WebSocket-Protocol: v4.channel.k8s.io\r\n\r\n").encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += receive(sock, 1)
    if b" 101 " not in head.split(b"\r\n", 1)[0]:
        raise Failure("stream: " + head.decode(errors="replace").split("\r\n", 1)[0])
    return sock


def websocket(url, stdin, until):
    """Channels: 0 stdin, 1 stdout, 2 stderr, 3 the result. Input is sent when `until` was seen, or at once."""
    got = {1: b"", 2: b"", 3: b""}
    with connect(url) as sock:
        while True:
            if stdin is not None and (not until or until.encode() in got[1]):
                sock.sendall(frame(2, b"\0" + stdin.encode()))
                stdin = None
            try:
                opcode, payload = read_frame(sock)
            except (Failure, ConnectionError):
                break # containerd leaves without saying so
            if opcode == 8:
                break
            if opcode == 9:
                sock.sendall(frame(10, payload))
            elif payload and payload[0] in got:
                got[payload[0]] += payload[1:]
    result = json.loads(got[3]) if got[3] else {}
    causes = result.get("details", {}).get("causes", [])
    code = next((int(c["message"]) for c in causes if c.get("reason") == "ExitCode"), None)
    return {"stdout": got[1].decode(errors="replace"), "stderr": got[2].decode(errors="replace"),
            "status": result.get("status", ""), "message": result.get("message", ""),
            "exit_code": 0 if result.get("status") == "Success" else code}


def answer(client, method, request):
    try:
        return 0, json.dumps(client.call(method, request))
    except (Failure, OSError) as e:
        return 1, str(e)


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    client = Client(sys.argv[1])
    if sys.argv[2] != "--serve":
        status, text = answer(client, sys.argv[2], json.loads(sys.argv[3] if len(sys.argv) > 3 else "{}"))
        print(text, file=sys.stderr if status else sys.stdout)
        sys.exit(status)
    for line in sys.stdin:
        status, text = answer(client, *json.loads(line))
        sys.stdout.write(f"{status}\n{text}\0")
        sys.stdout.flush()


main()
