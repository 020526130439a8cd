"""A mock server for contract tests against the task API of OceanBase Cloud Platform (OCP)."""

__version__ = "0.1.0"
