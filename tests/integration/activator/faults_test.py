"""Real processes that die, stop and come back under load, in a fixed and in a random order.

Three pods, each a queue-proxy and an application, four clients that never pause. Whatever happens,
each request ends exactly once and truthfully: 200 only if one application ran it to its end, and
once; an application never has more than its limit of one; a request that may have started is run
nowhere else (nobody allowed it). After each fault the system is well again without help, and at the
end the activator holds no more files than before.

FAULT_SEED repeats a random schedule (it is printed); FAULT_ROUNDS makes it longer.
"""

import os
import random

from activator_harness import ActivatorTest, revision
from fault_world import World
from harness import wait_for

PODS = 3
FAULTS = ("kill_app", "kill_proxy", "kill_both", "stop_app_for_a_while", "stop_proxy_for_a_while", "drain_proxy")


class Faults(ActivatorTest):
    def begin_world(self, seed):
        self.world = World(self, PODS)
        self.start([revision(self.world.pods)])
        self.wait_ready(PODS)
        self.files_before = self.activator.files()
        self.world.begin_load(self.activator.connect, seed)

    def is_well(self):
        """All pods are ready, and requests end well again: more of them than there are pods."""
        self.wait_ready(PODS)
        self.world.load.wait_served(4 * PODS)

    def judge(self):
        self.world.judge()
        wait_for(lambda: self.activator.revision()["running"] == 0, "no slot to stay taken")
        # A kept connection for each pod and the probe's, the admin's.
        wait_for(lambda: self.activator.files() <= self.files_before + 2 * PODS + 2, "files to be given back")
        totals = self.activator.revision()["totals"]
        self.assertEqual(totals["requests"], len(self.world.load.ended))

    def run_schedule(self, schedule, seed):
        self.begin_world(seed)
        for number, fault in schedule:
            with self.subTest(fault=fault, pod=number):
                getattr(self.world.pods[number], fault)()
                self.is_well()
        self.judge()

    def test_each_fault_once_on_each_pod(self):
        self.run_schedule([(number, fault) for fault in FAULTS for number in range(PODS)], 1)

    def test_random_faults(self):
        seed = int(os.environ.get("FAULT_SEED", random.randrange(1 << 32)))
        rounds = int(os.environ.get("FAULT_ROUNDS", 20))
        print("FAULT_SEED=%d FAULT_ROUNDS=%d" % (seed, rounds), flush=True)
        chosen = random.Random(seed)
        self.run_schedule([(chosen.randrange(PODS), chosen.choice(FAULTS)) for _ in range(rounds)], seed)
