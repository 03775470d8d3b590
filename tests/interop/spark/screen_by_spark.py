"""Screen exports by Spark on this machine: `python screen_by_spark.py DIR OUT [DIR OUT ...]`, findings into OUT."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

from pyspark.sql import SparkSession

from cds_service.offline.screening.export import find_export
from cds_service.offline.screening.recipe import Recipe
from cds_service.offline.screening.spark_engine import run_by_spark


def main(*pairs: str) -> None:
    settings = {
        "spark.ui.enabled": "false",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.sql.shuffle.partitions": "3",
        "spark.ui.showConsoleProgress": "false",
    }
    # two tasks at a time, each begun anew up to three times, as on a cluster
    session = SparkSession.builder.master("local[2,4]").config(map=settings).getOrCreate()
    try:
        for folder, out in zip(pairs[::2], pairs[1::2], strict=True):
            outcome = run_by_spark(
                find_export(Path(folder)), Recipe(datetime(2026, 6, 30, 12, tzinfo=UTC)), max_bad=3, session=session
            )
            Path(out).write_bytes(b"".join(outcome.findings()))
    finally:
        session.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
