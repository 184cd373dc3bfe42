#!/usr/bin/env python3
"""Cookie affinity as a browser sees it."""
import time

import harness
from harness import ONE_POD, WARM, autoscaler, cookies, service, wait_for

THREE = {"autoscaling.knative.dev/min-scale": "3"}


class Sessions(harness.Case):
    def test_a_browser_returns_to_its_pod_and_forgeries_count_as_none(self):
        sluice = self.up(service(annotations=THREE, service_annotations=cookies()))
        self.warm(sluice, 3)
        first = sluice.post("first")
        value = first.cookie()
        self.assertRegex(first.header("Set-Cookie"),
                         r"^sd=[\w-]+; Path=/; HttpOnly; SameSite=Lax; Max-Age=1800$")
        home = first.header("Sluice-Pod")
        for i in range(6):
            again = sluice.post(f"again {i}", headers={"Cookie": f"a=1; sd={value}; b=2"})
            self.assertEqual(again.header("Sluice-Pod"), home)
            self.assertIsNone(again.cookie(), "no refresh before half of the time has passed")
        wrong_key = ("B" if value[20] == "A" else "A").join((value[:20], value[21:]))
        for forged in ("x", "", wrong_key, "A" * len(value), value + "A", value[:-4], '"' + value + '"x'):
            reply = sluice.post("forged", headers={"Cookie": f"sd={forged}"})
            self.assertEqual(reply.status, 200)
            self.assertNotIn(reply.cookie(), (None, forged), forged)
        planted = sluice.post("planted", headers={"Cookie": f"sd={wrong_key}; sd={value}"})
        self.assertEqual((planted.header("Sluice-Pod"), planted.cookie()), (home, None))

    def test_a_cookie_of_another_service_or_of_another_run_counts_as_none(self):
        files = [service(name, annotations=WARM, service_annotations=cookies()) for name in ("one", "two")]
        sluice, other = self.up(*files), self.up(*files)
        values = {}
        for name in ("one", "two"):
            sluice.wait_status("a warm pod", name, pods_ready=1)
            values[name] = sluice.post("first", headers={"Host": f"{name}.default"}).cookie()
        own = {"Host": "one.default", "Cookie": f"sd={values['one']}"}
        self.assertIsNone(sluice.post("own", headers=own).cookie())
        foreign = {"Host": "one.default", "Cookie": f"sd={values['two']}"}
        self.assertIsNotNone(sluice.post("foreign", headers=foreign).cookie())
        self.assertIsNotNone(other.post("of another run", headers=own).cookie())

    def test_a_session_is_renewed_after_half_of_its_time(self):
        sluice = self.up(service(annotations=WARM, service_annotations=cookies(timeout=6)))
        self.warm(sluice, 1)
        began = time.monotonic()
        value = sluice.post("first").cookie()

        def renewed():
            asked = time.monotonic()
            fresh = sluice.post("again", headers={"Cookie": f"sd={value}"}).cookie()
            # The cookie counts in whole seconds, so half of 6 s may look like any time from 2 s on.
            if fresh:
                self.assertGreater(time.monotonic() - began, 2)
            return fresh and asked
        wait_for(renewed, "a renewed cookie")

    def test_a_session_waits_for_its_busy_pod(self):
        sluice = self.up(service(annotations=THREE, service_annotations=cookies()))
        pods = self.warm(sluice, 3)
        first = sluice.post("first")
        mine = {"Cookie": f"sd={first.cookie()}"}
        home = first.header("Sluice-Pod")
        running = sluice.start_job("running", headers=mine)
        self.assertEqual(sluice.wait_running(pods, 1), {"running": home})
        waiting = sluice.start_job("waiting", ms=0, headers=mine)
        sluice.wait_status("one waits though two pods are idle", waiting=1, running=1, pods_ready=3)
        self.assertNotEqual(sluice.post("a stranger").header("Sluice-Pod"), home)
        sluice.interrupt(home)
        self.assertEqual((running.reply().status, waiting.reply().header("Sluice-Pod")), (200, home))

    def test_our_cookie_stays_with_us_and_the_applications_pass(self):
        sluice = self.up(service(annotations={**WARM, **ONE_POD}, service_annotations=cookies()))
        self.warm(sluice, 1)
        value = sluice.post("first").cookie()
        echo = sluice.call("GET", "/standin/echo", headers={"Cookie": f"a=1; sd={value};b=2"}).json()
        sent = [text for name, text in echo["headers"] if name.lower() == "cookie"]
        self.assertEqual(sent, ["a=1; b=2"])
        page = sluice.call("GET", "/")
        self.assertTrue(any(text.startswith("sd_app=") for text in page.all("Set-Cookie")))

    def test_a_pod_that_is_gone_moves_the_session(self):
        sluice = self.up(service(annotations={"autoscaling.knative.dev/window": "6s"},
                                 service_annotations=cookies()),
                         autoscaler(scale_to_zero_grace_period="1s"))
        first = sluice.post("first")
        sluice.wait_status("zero pods", pods=0)
        moved = sluice.post("moved", headers={"Cookie": f"sd={first.cookie()}"})
        self.assertEqual(moved.status, 200)
        self.assertNotEqual(moved.header("Sluice-Pod"), first.header("Sluice-Pod"))
        self.assertIsNotNone(moved.cookie())


if __name__ == "__main__":
    harness.main()
