"""The table of presentations."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
compatible_back_to = None


def upgrade() -> None:
    """Create the table and an index for each way it is read."""
    op.create_table(
        "presentations",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("subtitle", sa.Text),
        sa.Column("slide_count", sa.Integer, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state_changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state IN ('pending', 'ready', 'deleting')", name="presentations_state"),
    )
    # Both partial: the list shows only one state, and the leftovers are few.
    op.create_index(
        "presentations_by_age",
        "presentations",
        ["created_at", "id"],
        postgresql_where=sa.text("state = 'ready'"),
    )
    op.create_index(
        "presentations_unfinished",
        "presentations",
        ["state_changed_at"],
        postgresql_where=sa.text("state <> 'ready'"),
    )


def downgrade() -> None:
    """Drop the table and everything in it."""
    op.drop_table("presentations")
