from modules.system.schemas import NotReadyChecks
from shared.errors import AppError


class NotReady(AppError):
    status, code, message = 503, "not_ready", "The service is not ready."
    data_model = NotReadyChecks
