"""What the tests with real processes under load share: pods that are a queue-proxy and an application
each, clients that never pause, and the verdict over what they saw and what the applications wrote down."""

import collections
import os
import random
import signal
import subprocess
import sys
import threading
import time

from harness import DEADLINE, Broken, QueueProxy, free_ports, request_text, wait_for

PROBE = '{"tcpSocket":{"port":%d},"successThreshold":1}'

# Writes down each request before and after it works: what is in the file survives kill -9. No http.server: a
# program that is killed and started all the time must start quickly.
APPLICATION = """
import os, socket, sys, threading, time
journal = os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
run_seconds = float(sys.argv[3])
inside = 0
lock = threading.Lock()
def work(name):
    global inside
    hoard = b'x' * (200 << 20) if name.startswith('eat') else b''
    with lock:
        inside += 1
        os.write(journal, ('begin %s %d %.3f\\n' % (name, inside, time.monotonic())).encode())
    time.sleep(run_seconds)
    with lock:
        inside -= 1
        os.write(journal, ('end %s %d %.3f\\n' % (name, inside, time.monotonic())).encode())
def serve(connection):
    requests = connection.makefile('rb')
    while requests.readline():
        length = 0
        while (line := requests.readline()) != b'\\r\\n':
            if not line:
                return
            name, _, value = line.partition(b':')
            if name.lower() == b'content-length':
                length = int(value)
        body = requests.read(length)
        # Cut off by a queue-proxy that was killed: nothing to begin with.
        if len(body) < length:
            return
        work(body.decode())
        connection.sendall(b'HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n%s' % (len(body), body))
def run(connection):
    try:
        with connection:
            serve(connection)
    except OSError:
        pass
listener = socket.create_server(('127.0.0.1', int(sys.argv[1])))
while True:
    threading.Thread(target=run, args=(listener.accept()[0],), daemon=True).start()
"""


class Pod:
    def __init__(self, name, folder, run_seconds, address):
        self.name = name
        self.address = address
        self.run_seconds = run_seconds
        self.journal = os.path.join(folder, name)
        self.app_port, self.port = free_ports(2)
        self.app = self.proxy = None
        self.proxy_starts = []  # by the monotonic clock, as in the journal
        self.start_app()
        self.start_proxy()

    def start_app(self, **more):
        # -S -E: starts in a third of the time.
        self.app = subprocess.Popen([sys.executable, "-S", "-E", "-c", APPLICATION, str(self.app_port), self.journal,
                                     str(self.run_seconds)], **more)

    def start_proxy(self):
        self.proxy_starts.append(time.monotonic())
        self.proxy = QueueProxy(self.app_port, {"QUEUE_SERVING_PORT": str(self.port),
                                                "SLUICE_BIND_ADDRESS": self.address,
                                                "SERVING_READINESS_PROBE": PROBE % self.app_port})

    def entry(self):
        return {"name": self.name, "address": "%s:%d" % (self.address, self.port)}

    def files(self):
        """That its queue-proxy has open."""
        return len(os.listdir("/proc/%d/fd" % self.proxy.process.pid))

    # --- Faults. Each heals what it broke, as a kubelet would, and no more.

    def kill_app(self):
        self.app.kill()
        self.app.wait()
        self.start_app()

    def kill_proxy(self):
        self.proxy.close()
        self.start_proxy()

    def kill_both(self):
        self.app.kill()
        self.app.wait()
        self.proxy.close()
        self.start_app()
        self.start_proxy()

    def stop_app_for_a_while(self):
        self.pause(self.app)

    def stop_proxy_for_a_while(self):
        self.pause(self.proxy.process)

    def drain_proxy(self):
        self.proxy.signal(signal.SIGTERM)
        self.proxy.exit_code()
        self.proxy.close()
        self.start_proxy()

    @staticmethod
    def pause(process):
        process.send_signal(signal.SIGSTOP)
        time.sleep(0.2)  # the fault itself: nothing is expected to have happened by then
        process.send_signal(signal.SIGCONT)

    def lines(self):
        if not os.path.exists(self.journal):
            return []
        with open(self.journal, encoding="utf-8") as file:
            return [line.split() for line in file]

    def close(self):
        self.app.kill()
        self.app.wait()
        self.proxy.close()


class Load:
    """Clients that ask one after the other; now and then one leaves before its answer. The first `kept` of
    them keep their connections for as long as the answers let them, the last `sessions` send the cookie that
    they got. `may_break`: a client may get no answer at all (whom it was connected to is killed), but never a
    wrong one."""

    def __init__(self, connect, seed, clients=4, kept=0, sessions=0, departing=0.02, may_break=False):
        self.connect = connect
        self.kept = kept
        self.cookies = {client: "" for client in range(clients - sessions, clients)}
        self.departing = departing
        self.may_break = may_break
        self.ended = {}  # name: status, or None for a client that left or got no whole answer
        self.wrong = []
        self.broken = 0
        self.served_by = [0] * clients  # requests that ended well, by client
        self.ending = False
        self.random = random.Random(seed)
        self.threads = [threading.Thread(target=self.run, args=(i,), daemon=True) for i in range(clients)]
        for thread in self.threads:
            thread.start()

    def run(self, client):
        count = 0
        connection = None
        while not self.ending:
            count += 1
            name = "%d-%d" % (client, count)
            try:
                if connection is None:
                    connection = self.connect()
                self.ended[name], reusable = self.ask(connection, client, name)
                self.served_by[client] += self.ended[name] == 200
            except (Broken, OSError, ValueError) as error:
                self.ended[name], reusable = None, False
                self.broken += 1
                if not self.may_break:
                    self.wrong.append("%s: no answer: %r" % (name, error))
                time.sleep(0.01)  # nobody may listen just now: not a busy loop
            if connection and not (reusable and client < self.kept):
                connection.close()
                connection = None
        if connection:
            connection.close()

    def ask(self, connection, client, name):
        cookie = self.cookies.get(client)
        connection.send(request_text("POST", "/run", (("Cookie", cookie),) if cookie else (), name))
        if self.random.random() < self.departing:
            return None, False
        response = connection.read_response()
        if response.status == 200 and response.body.decode() != name:
            self.wrong.append("%s got the answer of %r" % (name, response.body))
        if response.status not in (200, 502, 503, 504):
            self.wrong.append("%s: status %d" % (name, response.status))
        if client in self.cookies and response.get("Set-Cookie"):
            self.cookies[client] = response.get("Set-Cookie").split(";")[0]
        return response.status, response.get("Connection", "").lower() != "close"

    def served(self):
        return sum(self.served_by)

    def wait_served(self, more):
        """So many more requests end well."""
        before = self.served()
        wait_for(lambda: self.served() >= before + more, "requests to end well")

    def end(self):
        self.ending = True
        for thread in self.threads:
            thread.join(DEADLINE)


class World:
    """Some pods and, later, clients; what must be true of all that they did."""

    def __init__(self, test, pods, run_seconds=0.01, address="127.0.0.1"):
        self.test = test
        self.pods = []
        for i in range(pods):
            pod = Pod("sd-%d" % i, test.folder, run_seconds, address)
            test.addCleanup(pod.close)
            self.pods.append(pod)

    def begin_load(self, connect, seed, **how):
        self.load = Load(connect, seed, **how)
        self.test.addCleanup(self.load.end)

    def judge(self, served_min=50):
        test, load = self.test, self.load
        load.end()
        print("requests by status:", dict(collections.Counter(load.ended.values())), "broken:", load.broken, flush=True)
        test.assertEqual(load.wrong, [])
        begun, ended, crowded = collections.Counter(), collections.Counter(), []
        for pod in self.pods:
            lines = pod.lines()
            for number, (what, name, inside, _) in enumerate(lines):
                (begun if what == "begin" else ended)[name] += 1
                # With what came before, and when its queue-proxy was started: a killed one forgets what runs.
                if int(inside) > 1:
                    starts = [at for at in pod.proxy_starts if abs(at - float(lines[number][3])) < 1]
                    crowded.append((pod.name, lines[max(0, number - 3):number + 1], starts))
        test.assertEqual(crowded, [], "two at once")
        test.assertEqual([name for name, times in begun.items() if times > 1], [], "run twice")
        served = [name for name, status in load.ended.items() if status == 200]
        test.assertGreater(len(served), served_min)
        test.assertEqual([name for name in served if ended[name] != 1], [], "200 without a whole run")
