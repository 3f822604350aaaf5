"""What a report is written as for other programs: JUnit, SARIF, a job's summary; and a report that was kept, to compare with."""

from lockstep.formats.junit import junit
from lockstep.formats.sarif import sarif
from lockstep.formats.summary import summary

__all__ = ["junit", "sarif", "summary"]
