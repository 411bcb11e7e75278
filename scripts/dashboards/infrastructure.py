"""Infrastructure Monitoring: does the host, does each container, does each data store have what it needs?"""

from .builder import Board, Variable
from .host import CONTAINERS, HOST
from .stores import BACKUPS, POSTGRES, REDIS, STORAGE

INFRASTRUCTURE = Board(
    uid="infrastructure-monitoring",
    title="Infrastructure Monitoring",
    about="What runs out next, on the host, in which container, in which data store, and when?",
    variables=(
        Variable(name="service", label="Service", query='label_values(container_last_seen{stack!=""}, service)'),
    ),
    rows=(HOST, CONTAINERS, POSTGRES, REDIS, STORAGE, BACKUPS),
)
