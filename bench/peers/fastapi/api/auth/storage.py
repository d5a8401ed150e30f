"""Users, in this process's memory."""


class UserStorage:
    def __init__(self) -> None:
        self._users: dict[str, dict] = {}

    def add_user(self, email: str, password_hash: str) -> None:
        self._users[email] = {"email": email, "password_hash": password_hash}

    def get_user(self, email: str) -> dict | None:
        return self._users.get(email)

    def user_exists(self, email: str) -> bool:
        return email in self._users


storage = UserStorage()
