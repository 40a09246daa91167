"""Which commits a report reads beside an account's own: those of the jobs whose holds ended in its span.

An index and nothing more: of the whole log, a fold would take the same commits and pass over the rest.
"""

from commands.reports.account_past import AccountPast
from commands.reports.job_past import JobPasts
from commands.reports.past_log import PastLog
from domain.job import JOB


async def read_jobs(log: PastLog, past: AccountPast) -> JobPasts:
    """Every job of `past.closings`. A job is submitted behind its own hold, so nothing of it lies before the first."""
    wanted = past.closed_jobs
    jobs = JobPasts(wanted.__contains__)
    if past.first_hold is None:
        return jobs
    streams = [JOB.stream(closing.job_id) for closing in past.closings]
    async for commits in log.read_streams(streams, after=past.first_hold - 1, up_to=past.span.through):
        for commit in commits:
            jobs.take(commit)
    return jobs
