"""What the app stores, in a database: SQLite in the run's folder, or any that SQLAlchemy reaches by URL.

Gates read the file of verdicts, which is written from `turns`.
"""

from pathlib import Path

from sqlalchemy import (
    Boolean,
    Column,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    create_engine,
    event,
    make_url,
    select,
)
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import SingletonThreadPool

from components.common.errors import UserError

TABLES = MetaData()


def _of_raters(name: str, subject: str, *own: Column | UniqueConstraint) -> Table:
    """A table of what raters have been or will be shown, and when they answered.

    subject: the column with the digest of what is judged. own: the table's other columns, and its unique constraint.
    """
    return Table(
        name,
        TABLES,
        Column("id", String(32), primary_key=True),  # unguessable and never reused: pictures are cached under it
        Column(subject, String(64), nullable=False),
        Column("rater", String(200), nullable=False),
        Column("position", Integer, nullable=False),  # from 1, in the order of showing
        *own,
        Column("at", String(40)),
        Column("milliseconds", Integer),
    )


# A pair. `run`: digest of the objects that `left` and `right` are rows of. `kind`: queue, repeat or sentinel.
# `expected`: right or wrong, of a sentinel. `filed`: the file of verdicts says the same.
TURNS = _of_raters(
    "turns",
    "run",
    Column("lane", String(16), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("left", Integer, nullable=False),
    Column("right", Integer, nullable=False),
    Column("expected", String(16)),
    Column("answer", String(16)),
    Column("flagged", Boolean, nullable=False, default=False),
    Column("filed", Boolean, nullable=False, default=True),
    UniqueConstraint("run", "rater", "lane", "position"),
)

# Two pictures of one sample. `study`: digest of all pictures compared. `choice`: left or right.
CHOICES = _of_raters(
    "choices",
    "study",
    Column("question", String(16), nullable=False),
    Column("benchmark", String(16), nullable=False),
    Column("subject", String(500), nullable=False),
    Column("sample", String(500), nullable=False),
    Column("left", String(500), nullable=False),
    Column("right", String(500), nullable=False),
    Column("choice", String(8)),
    UniqueConstraint("study", "rater", "position"),
)


def open_database(url: str) -> Engine:
    """The database at a URL of SQLAlchemy, with its tables. Raises `UserError` if it cannot be opened."""
    try:
        engine = create_engine(url)
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _durable)
        TABLES.create_all(engine)
        with engine.connect() as connection:
            for table in TABLES.sorted_tables:
                connection.execute(select(table).limit(0))  # a table of an older version would lack columns
    except ModuleNotFoundError as error:
        raise UserError(f"the database's driver is missing ({error.name}): install it, or correct --database") from None
    except (ArgumentError, ValueError):  # their text could hold a password
        raise UserError(
            "--database is not the URL of a database: write it as postgresql+psycopg://USER@HOST/NAME"
        ) from None
    except SQLAlchemyError as error:
        where, reason = make_url(url).render_as_string(hide_password=True), str(error).partition("\n")[0]
        raise UserError(f"the database {where} cannot be opened ({reason}): correct --database") from None
    if isinstance(engine.pool, SingletonThreadPool):
        raise UserError("--database is in memory, which would lose all answers: name a file or a server")
    return engine


def beside(folder: Path) -> str:
    """The URL of the SQLite file in a run's folder."""
    return f"sqlite:///{folder.resolve() / 'review.db'}"


def _durable(connection, _record) -> None:  # type: ignore[no-untyped-def]
    """Sets SQLite up so that readers do not wait for a writer, and a writer waits for the one before it."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA busy_timeout = 10000")
    cursor.close()
