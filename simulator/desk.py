"""What Amazon does not do at once: jobs, and the queue in which they wait for their turn."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from .errors import ApiError
from .faults import Faults
from .rendering import to_iso
from .rests import Rests
from .state import Clock, Seller

JOB_STATUSES = ('IN_QUEUE', 'IN_PROGRESS', 'DONE', 'CANCELLED', 'FATAL')
OPEN_STATUSES = ('IN_QUEUE', 'IN_PROGRESS')


@dataclass(kw_only=True)
class Job:
    """A feed or a report of one seller.

    :param since: when it came into its status; `polls` counts how often that was asked for since,
        `polled` is when it was asked for last
    :param manners: kinds of the faults that happen to it
    """
    job_id: str
    seller: Seller
    kind: str
    marketplace_ids: tuple[str, ...]
    created: datetime

    status: str = field(default='IN_QUEUE', init=False)
    since: datetime = field(init=False)
    polls: int = field(default=0, init=False)
    polled: datetime = field(init=False)
    manners: frozenset[str] = field(default=frozenset(), init=False)
    result_id: str = field(default='', init=False)
    started: datetime | None = field(default=None, init=False)
    ended: datetime | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.since = self.polled = self.created

    @property
    def is_open(self) -> bool:
        """Tell whether the job is still to be done."""
        return self.status in OPEN_STATUSES

    def _as_json(self, noun: str, optional: dict[str, Any]) -> dict[str, Any]:
        """Return the job as Amazon shows a `noun`; what is empty of the optional is left out."""
        optional = {
            'processingStartTime': self.started and to_iso(self.started),
            'processingEndTime': self.ended and to_iso(self.ended),
            **optional,
        }
        return {
            f'{noun}Id': self.job_id,
            f'{noun}Type': self.kind,
            'marketplaceIds': list(self.marketplace_ids),
            'createdTime': to_iso(self.created),
            'processingStatus': self.status,
            **{key: value for key, value in optional.items() if value},
        }


AnyJob = TypeVar('AnyJob', bound=Job)


class Desk(ABC, Generic[AnyJob]):
    """Take jobs, and do them at the pace that is set.

    A job stays queued, and then in progress, until its status has been asked for `polls` times and
    `seconds` of Amazon's time have passed.
    """
    first_id: int

    def __init__(self, clock: Clock, faults: Faults) -> None:
        self.polls = 1
        self.seconds = 0.0
        self.rests = Rests(clock)
        self._clock = clock
        self._faults = faults

    def clear(self) -> None:
        """Forget all jobs."""
        self.jobs: dict[str, AnyJob] = {}
        self.rests.clear()

    def find(self, seller: Seller, job_id: str) -> AnyJob:
        """Return a seller's job.

        :raise ApiError: there is none
        """
        job = self.jobs.get(job_id)
        if job is None or job.seller is not seller:
            raise ApiError.not_found()
        return job

    def of(self, seller: Seller) -> list[AnyJob]:
        """Return a seller's jobs, the newest first."""
        return [job for job in reversed(self.jobs.values()) if job.seller is seller]

    def count_poll(self, job: AnyJob) -> None:
        """Remember that a job's status was asked for."""
        job.polls += 1
        job.polled = self._clock.now()

    def cancel(self, job: AnyJob) -> None:
        """Cancel a job that is still queued.

        :raise ApiError: it no longer is
        """
        if job.status != 'IN_QUEUE':
            raise ApiError.invalid(f'{job.job_id} is {job.status}.')
        job.status = 'CANCELLED'

    def work(self) -> None:
        """Do what is due."""
        for job in self.jobs.values():
            while job.is_open and (moment := self._due_at(job)):
                self._move_on(job, moment)

    def finish(self) -> None:
        """Do everything, due or not."""
        for job in self.jobs.values():
            while job.is_open:
                self._move_on(job, self._clock.now())

    @abstractmethod
    def _strike(self, job: AnyJob) -> frozenset[str]:
        """Return the kinds of the faults that happen to a job which begins."""

    @abstractmethod
    def _process(self, job: AnyJob) -> str:
        """Do a job and return the status it ends with."""

    def _next_id(self) -> str:
        return str(self.first_id + len(self.jobs))

    def _due_at(self, job: AnyJob) -> datetime | None:
        """Return when a job's status ended, None when it has not."""
        moment = max(job.since + timedelta(seconds=self.seconds), job.polled)
        return moment if job.polls >= self.polls and moment <= self._clock.now() else None

    def _move_on(self, job: AnyJob, moment: datetime) -> None:
        job.since, job.polls = moment, 0
        if job.status == 'IN_PROGRESS':
            job.ended = moment
            job.status = self._process(job)
            return
        job.manners = self._strike(job)
        if any(manner.endswith('_cancelled') for manner in job.manners):
            job.status = 'CANCELLED'
        else:
            job.started, job.status = moment, 'IN_PROGRESS'
