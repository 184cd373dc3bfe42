#!/usr/bin/env python3
"""usage: bad_link.py SEED DEVICE DEVICE

Moves IP packets between two TUN devices (open descriptors), each as late as it is told to, and some never.
It is a link that can be bad on every kernel: few have netem, all have TUN. Packets overtake each other where
there is jitter, as on real networks.

Each line of standard input is a JSON object that says how the link is from now on: `delay` and `jitter` in
seconds, `loss` from 0 to 1, `dead`: a list of [direction, port], where TCP packets of that port, as source
or destination, are lost (direction 0: from the first device to the second). It is answered by a line with
the packets that were moved and lost until then. Ends with its input.
"""

import heapq
import json
import os
import random
import select
import sys
import time

TCP = 6


def tcp_ports(packet):
    """Source and destination; none if it is not the beginning of a TCP packet over IPv4."""
    if len(packet) < 20 or packet[0] >> 4 != 4 or packet[9] != TCP or packet[6] & 0x1F or packet[7]:
        return ()
    header = (packet[0] & 15) * 4
    ports = packet[header:header + 4]
    return (int.from_bytes(ports[:2], "big"), int.from_bytes(ports[2:], "big"))


class Link:
    def __init__(self, seed, devices):
        self.random = random.Random(seed)
        self.devices = devices
        self.state = {"delay": 0, "jitter": 0, "loss": 0, "dead": []}
        self.count = {"moved": 0, "lost": 0}
        self.under_way = []  # heap of (when due, number, direction, packet)
        self.number = 0

    def loses(self, direction, packet):
        dead = [port for of, port in self.state["dead"] if of == direction]
        if dead and any(port in dead for port in tcp_ports(packet)):
            return True
        return self.random.random() < self.state["loss"]

    def take(self, direction):
        """All packets that have come."""
        while True:
            try:
                packet = os.read(self.devices[direction], 65536)
            except BlockingIOError:
                return
            if self.loses(direction, packet):
                self.count["lost"] += 1
                continue
            late = self.state["delay"] + self.random.uniform(-1, 1) * self.state["jitter"]
            self.number += 1
            heapq.heappush(self.under_way, (time.monotonic() + late, self.number, direction, packet))

    def deliver(self):
        """All packets that are due. Returns the milliseconds until the next one is; None: there is none."""
        while self.under_way:
            left = self.under_way[0][0] - time.monotonic()
            if left > 0:
                return left * 1000
            _, _, direction, packet = heapq.heappop(self.under_way)
            self.count["moved"] += 1
            try:
                os.write(self.devices[1 - direction], packet)
            except OSError:
                pass  # the device is not up (any more), or its queue is full: lost like others
        return None

    def run(self):
        poll = select.poll()
        for source in (0, *self.devices):
            poll.register(source, select.POLLIN)
        for device in self.devices:
            os.set_blocking(device, False)
        while True:
            ready = [source for source, _ in poll.poll(self.deliver())]
            for direction, device in enumerate(self.devices):
                if device in ready:
                    self.take(direction)
            if 0 in ready:
                line = sys.stdin.readline()
                if not line:
                    return
                self.state.update(json.loads(line))
                print(json.dumps(self.count), flush=True)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    Link(int(sys.argv[1]), [int(number) for number in sys.argv[2:]]).run()
