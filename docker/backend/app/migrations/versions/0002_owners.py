"""Whose a presentation is.

The release before writes rows without it for as long as both run: they get the default, as all rows
of before do, so the default stays. Neither step rewrites the table; the index keeps writers waiting
while it is built, about a second for a million rows.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
compatible_back_to = "0001"


def upgrade() -> None:
    """Add the column, and an index for the list of one owner and for the sum of what one stores."""
    op.add_column(
        "presentations",
        sa.Column("owner", sa.Text, nullable=False, server_default="default"),
    )
    op.create_index(
        "presentations_by_owner",
        "presentations",
        ["owner", "created_at", "id"],
        postgresql_include=["size_bytes"],
    )


def downgrade() -> None:
    """Drop the column; what it says is lost."""
    op.drop_index("presentations_by_owner", "presentations")
    op.drop_column("presentations", "owner")
