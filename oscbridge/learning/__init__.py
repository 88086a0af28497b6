"""Learning routes: which control was moved, and the route that connects two of them."""

from oscbridge.learning.candidates import Candidate
from oscbridge.learning.proposal import Proposal, ProposedTable
from oscbridge.learning.session import LearningSession, LearningState

__all__ = ["Candidate", "LearningSession", "LearningState", "Proposal", "ProposedTable"]
