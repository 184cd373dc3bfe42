"""What a scenario is: it starts its contenders, measures each in turn, round after round
(A B C A B C …), and says which ratios count. README.md says what each scenario means.
"""
import report
from contenders import PEERS, peer


def installed(name):
    """A contender's first word is its program; ours are always there."""
    program = name.replace(",", " ").split()[0]
    return program not in PEERS or peer(program) is not None


class Scenario:
    name = ""
    seconds = 2  # of load per measurement, unless --seconds says otherwise
    rounds = 5
    goals = {}
    smoke = {}  # attributes of a run that only shows that the scenario works; None: it has no such run

    def __init__(self, starter, seconds, smoke=False):
        self.starter = starter
        self.seconds = seconds or self.seconds
        if smoke:
            vars(self).update(self.smoke)

    def start(self):
        """Returns {contender: whatever measure() needs}, in the order of the columns."""
        raise NotImplementedError

    def measure(self, name, contender):
        """Returns {figure: number}."""
        raise NotImplementedError

    def ratios(self, rounds):
        return {}

    def run(self, rounds, say):
        started = self.start()
        contenders = {name: what for name, what in started.items() if installed(name)}
        for name in started:
            if name not in contenders:
                say(f"{self.name}: {name} is left out, its program is not installed")
        measured = []
        for number in range(rounds or self.rounds):
            say(f"{self.name}: round {number + 1}")
            measured.append({name: self.measure(name, what) for name, what in contenders.items()})
        return {"contenders": report.collect(measured), "ratios": self.ratios(measured), "goals": self.goals}
