"""Run by Alembic, on the connection and inside the transaction that `app.migrate` opened.

Releases run side by side during a rollout, so every migration must suit the release before it:
add first, and remove only what no running release reads any more.
"""

from alembic import context

from app.dependencies.database import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
