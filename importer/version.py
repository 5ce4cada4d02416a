"""The importer's version. It is part of every cache key: raise it when the same input would give other bytes."""

IMPORTER_VERSION = "19"
