"""Run by Alembic, on the connection and inside the transaction that `app.migrate` opened.

Releases run side by side during a rollout, so every migration must suit the release before it:
add first, and remove only what no running release reads any more.

Each migration says how far back a release may go without undoing it: `compatible_back_to` is the
oldest revision whose release works on the schema this migration leaves; its own revision (or None,
for the first one) when no earlier release does. `make rollback` refuses what is further back.
"""

from alembic import context

from app.dependencies.database import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
