#!/usr/bin/env python3
"""The page under the demo's load, with a queue, and with thousands waiting: its numbers are those of /metrics, its
button cancels, and it can be used on a phone, in the dark and with the keyboard alone."""
import resource
import socket
import threading
import time

from browser import PageCase, metrics, main, total
import harness
from harness import ONE_POD, TXT2IMG, service, wait_for

REQUESTS, CLIENTS = 50, 5
WAITING = 9_900


class DemoLoad(PageCase):
    def load(self, sluice, sessions):
        """As scripts/demo: five clients, ten requests each; each client keeps its cookie."""
        def client():
            cookie = None
            for _ in range(REQUESTS // CLIENTS):
                headers = {"Cookie": f"sd={cookie}"} if cookie else {}
                reply = sluice.call("POST", TXT2IMG, {"prompt": "pretty dog", "width": 64, "height": 64}, headers)
                cookie = reply.cookie() or cookie
                sessions.append((reply.status, cookie))
        threads = [threading.Thread(target=client, daemon=True) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        return threads

    def test_the_pages_numbers_are_those_of_the_metrics(self):
        sluice = self.up((harness.ROOT / "manifests" / "demo.yaml").read_text())
        self.open_page(sluice)
        self.assertEqual(self.text("pods-empty"), "No pod: the next request starts one.")
        answers = []
        threads = self.load(sluice, answers)
        self.wait_number("waiting", CLIENTS)
        wait_for(lambda: len(self.rows()) == CLIENTS, "five rows")
        self.screenshot("cold-start")
        wait_for(lambda: len(answers) >= REQUESTS // 2, "half of the answers")
        wait_for(lambda: self.script("return document.querySelectorAll('#pods li[data-state=busy]').length") == CLIENTS,
                 "five busy tiles")
        self.assertIn("POST " + TXT2IMG, self.script("return document.querySelector('#pods .work').textContent"))
        self.screenshot("desktop")
        for thread in threads:
            thread.join(harness.Binaries.deadline)
        self.assertEqual([status for status, _ in answers], [200] * REQUESTS)
        self.wait_number("total-requests", REQUESTS)
        self.compare(sluice)
        self.check_words()
        self.check_quiet()

    def compare(self, sluice):
        """Nothing moves now but pods on their way out; what counts requests must agree to the last one."""
        expected = {
            "total-requests": total(sluice, "sluice_requests_total"),
            "total-good": total(sluice, "sluice_requests_total", code_class="2xx"),
            "total-client_errors": total(sluice, "sluice_requests_total", code_class="4xx"),
            "total-server_errors": total(sluice, "sluice_requests_total", code_class="5xx"),
            "total-dispatches": total(sluice, "sluice_dispatches_total"),
            "total-redispatches": total(sluice, "sluice_redispatches_total"),
            "total-hit": total(sluice, "sluice_affinity_total", result="hit"),
            "total-new": total(sluice, "sluice_affinity_total", result="new"),
            "total-cancelled": total(sluice, "sluice_cancelled_total"),
            "waiting": total(sluice, "sluice_queue_length"),
            "cold-starts": total(sluice, "sluice_cold_start_seconds_count", phase="ready"),
            "sessions": total(sluice, "sluice_sessions_live"),
            "total-gpu_busy": round(total(sluice, "sluice_slot_seconds_total", state="busy")),
        }
        self.assertEqual(expected["total-good"], REQUESTS)
        self.assertEqual(expected["cold-starts"], CLIENTS)
        self.assertEqual((expected["total-new"], expected["total-hit"]), (CLIENTS, REQUESTS - CLIENTS))
        for name, value in expected.items():
            wait_for(lambda n=name, v=value: self.number(n) == v,
                     lambda n=name, v=value: f"{n} {v}, not {self.text(n)}")
        self.assertEqual(self.text("success"), "100 %")
        families = metrics(sluice)
        self.assertEqual(sum(v for _, v in families["sluice_wait_seconds_count"]), REQUESTS)
        # Every chart has drawn something, and says so to those who hear the page.
        labels = self.script("return [...document.querySelectorAll('canvas')].map(c => c.getAttribute('aria-label'))")
        self.assertEqual(len(labels), 8)
        for label in labels:
            self.assertRegex(label, r", now: .+")

    def check_words(self):
        lines = self.script("return [...document.querySelectorAll('#log li')].map(l => l.textContent)")
        self.assertTrue(any("waiting, 0 ready" in line and "5 pods" in line for line in lines), lines)
        self.assertRegex(lines[-1], r"^\d\d:\d\d:\d\d")


class Queue(PageCase):
    def up_with_a_queue(self, waiting):
        sluice = self.up(service(annotations=ONE_POD))
        jobs = [sluice.start_job("runs")]
        sluice.wait_status("a running job", running=1, waiting=0)
        for i in range(waiting):
            jobs.append(sluice.start_job(f"waits {i}"))
            sluice.wait_status("one more", waiting=i + 1)
        return sluice, jobs

    def test_the_button_cancels_a_request_and_no_other(self):
        sluice, jobs = self.up_with_a_queue(3)
        self.open_page(sluice)
        wait_for(lambda: len(self.rows()) == 3, "three rows")
        self.assertEqual([row[0] for row in self.rows()], ["1", "2", "3"])
        self.script("document.querySelectorAll('#queue tbody button')[1].click()")
        self.assert_problem(jobs[2].reply(), 503, ":cancelled")
        wait_for(lambda: len(self.rows()) == 2, "two rows")
        self.assertEqual(self.text("said"), "The request was cancelled; its client has been told.")
        self.assertEqual(total(sluice, "sluice_cancelled_total"), 1)
        self.assertEqual(total(sluice, "sluice_queue_length"), 2)
        self.assertFalse(jobs[1].done() or jobs[3].done())
        self.wait_number("total-cancelled", 1)
        self.check_quiet()

    def test_the_keyboard_alone_reaches_and_cancels(self):
        from selenium.webdriver.common.action_chains import ActionChains
        from selenium.webdriver.common.keys import Keys
        sluice, jobs = self.up_with_a_queue(2)
        self.open_page(sluice)
        wait_for(lambda: len(self.rows()) == 2, "two rows")

        def press(*keys):
            ActionChains(self.driver).send_keys(*keys).perform()

        def focused():
            return self.script("return document.activeElement.getAttribute('aria-label') || document.activeElement.id")
        press(Keys.TAB)
        self.assertEqual(self.script("return document.activeElement.className"), "skip")
        press(Keys.ENTER)
        press(Keys.TAB)
        self.assertEqual(focused(), "Cancel request at place 1")
        outline = self.script("return getComputedStyle(document.activeElement).outlineStyle")
        self.assertEqual(outline, "solid", "who uses the keyboard sees where it is")
        press(Keys.ENTER)
        self.assert_problem(jobs[1].reply(), 503, ":cancelled")
        wait_for(lambda: len(self.rows()) == 1, "one row")
        # The row went away under the keyboard, which is at its neighbour now.
        wait_for(lambda: focused() == "Cancel request at place 1", "the focus on the next row")
        press(Keys.ENTER)
        self.assert_problem(jobs[2].reply(), 503, ":cancelled")
        self.check_quiet()

    def test_it_fits_a_phone_and_the_dark(self):
        sluice, _ = self.up_with_a_queue(4)
        self.open_page(sluice, 390, 844)
        wait_for(lambda: len(self.rows()) == 4, "four rows")
        self.size(390, 844, phone=True)
        wide = self.script("return [document.documentElement.scrollWidth, innerWidth]")
        self.assertLessEqual(wide[0], wide[1], "nothing makes a phone scroll sideways")
        button = self.script("const b = document.querySelector('#queue tbody button').getBoundingClientRect();"
                             "return [b.right, b.height]")
        self.assertLessEqual(button[0], 390, "the button is in sight")
        self.assertGreaterEqual(button[1], 30, "and large enough for a finger")
        self.screenshot("phone")
        self.size(1400, 1000)
        light = self.script("return getComputedStyle(document.body).backgroundColor")
        self.colours("dark")
        dark = self.script("return getComputedStyle(document.body).backgroundColor")
        self.assertNotEqual(light, dark)
        self.assertLess(self.contrast_gap(), 0, "light ink on dark ground")
        wait_for(lambda: self.script("return Chart.getChart('chart-queue').options.scales.y.ticks.color === "
                                     "getComputedStyle(document.documentElement).getPropertyValue('--soft').trim()"),
                 "the charts in the dark's colours")
        self.screenshot("dark")
        self.check_quiet()

    def contrast_gap(self):
        """Brightness of the ground less that of the ink: below 0 in the dark."""
        return self.script(
            "const sum = (c) => c.match(/\\d+/g).slice(0, 3).reduce((a, b) => a + Number(b), 0);"
            "const s = getComputedStyle(document.body); return sum(s.backgroundColor) - sum(s.color)")


class Thousands(PageCase):
    def test_thousands_wait_and_the_page_shows_any_part_of_them(self):
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)
        if limit[1] < 2 * WAITING + 64:  # sluice takes no more connections than half of what is allowed
            self.skipTest(f"no more than {limit[1]} descriptors are allowed here")
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit[1], limit[1]))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, limit)
        sluice = self.up(service(args=["--startup-ms", "3600000"], annotations=ONE_POD),
                         flags=("--max-connections-per-client", "0"))
        request = b"GET /sdapi/v1/txt2img?i=%d HTTP/1.1\r\nHost: demo\r\n\r\n"
        clients = []
        self.addCleanup(lambda: [client.close() for client in clients])
        for i in range(WAITING):
            client = socket.create_connection(sluice.address, timeout=harness.Binaries.deadline)
            clients.append(client)
            client.sendall(request % i)
        sluice.wait_status("all of them", waiting=WAITING)
        self.open_page(sluice)
        self.wait_number("waiting", WAITING)
        self.assertEqual(len(self.rows()), 50)
        self.assertEqual(self.text("range"), "Places 1–50 of 9,900")
        self.driver.find_element("id", "last").click()
        wait_for(lambda: self.text("range") == "Places 9,851–9,900 of 9,900", lambda: self.text("range"))
        wait_for(lambda: self.rows()[-1][0] == "9,900", "the last row")
        self.driver.find_element("id", "previous").click()
        wait_for(lambda: self.text("range") == "Places 9,801–9,850 of 9,900", lambda: self.text("range"))
        self.screenshot("thousands")
        # The page is watched meanwhile; clients come and go as before.
        began = time.monotonic()
        for client in clients[:100]:
            client.close()
        self.wait_number("waiting", WAITING - 100)
        print(f"100 clients left, and the page knew it after {time.monotonic() - began:.2f} s")
        self.check_quiet()


if __name__ == "__main__":
    main()
