"""Groups of animals whose differences and variances are known."""

from nanoscape.phantom.cohort.assays import AssayPlan
from nanoscape.phantom.cohort.plan import COHORT, SMALL, CohortPlan, Group
from nanoscape.phantom.cohort.table import CohortTable, cohort_table, cohort_tables

__all__ = [
    "COHORT",
    "SMALL",
    "AssayPlan",
    "CohortPlan",
    "CohortTable",
    "Group",
    "cohort_table",
    "cohort_tables",
]
