from tests.shared.packages import make_modules

__all__ = ["make_modules"]
