"""Whether pytest loads the plugin by itself."""


def importlib_entry() -> bool:
    """Whether the package is installed with its entry point; a bare checkout has none."""
    from importlib.metadata import entry_points

    return any(point.name == "ocp_mockserver" for point in entry_points(group="pytest11"))
