"""A second way from the log to every balance and every island's standing, to check the first.

It reads stored events as JSON, through the `eventsourcing` library, and says in its own words what each one means. It
shares no rule with what it checks: an import contract forbids it the domain, the commands, the projections and the
codec. Entry: `refold.refold` for the log alone, `database.compare` for the log and PostgreSQL.
"""
