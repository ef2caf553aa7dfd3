"""The load IOC as a stand's IOC: channels load:0 … load:N-1, bumped in turn at a rate for a time."""
from e2k_support import LoadIoc


class Load(LoadIoc):
    def __init__(self, records, elements=1):
        super().__init__(records=records, elements=elements)
        self.posted = 0
        self.last_report = None   # of the load that ended last
        self.running = False

    def channel(self, number):
        return f"{self.prefix}{number}"

    def begin(self, rate, seconds):
        self.start(rate, seconds, verb="go")
        self.running = True

    def rest(self):
        """Waits for the load's end; returns {name: the last number}."""
        if self.running:
            self.last_report = self.finish()
            self.posted += self.last_report["posted"]
            self.running = False
        whole, more = divmod(self.posted, self.records)
        return {self.channel(number): whole + (number < more) for number in range(self.records)}
