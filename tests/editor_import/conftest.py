"""The project with one good model, for every test of this folder."""

from tests.import_project import models_project

__all__ = ["models_project"]
