"""Who may come in, without await: what each does is said in `doors`."""

from __future__ import annotations

from collections.abc import Iterable

from godkaiser.handles import entrance
from godkaiser.handles.deeds import Span
from godkaiser.handles.doors import Door
from godkaiser.handles.entrance import listed, proof
from godkaiser.handles.people import Account, AccountList, ApiToken, KeptOutList, TokenList
from godkaiser.handles.secret import Secret, Spoken


class Accounts(Door):
    """See `godkaiser.Accounts`."""

    def list(self) -> AccountList:
        """See `godkaiser.Accounts.list`."""
        return self._line.waited(entrance.accounts, self._line)

    def add(
        self,
        name: str,
        role: str,
        zones: str | Iterable[str] = (),
        password: Spoken | None = None,
        *,
        current: Spoken | None = None,
    ) -> Account:
        """See `godkaiser.Accounts.add`."""
        return self._line.waited(
            entrance.add_account, self._line, name, role, zones, password, proof(current)
        )

    def role(self, name: str, role: str, *, current: Spoken | None = None) -> Account:
        """See `godkaiser.Accounts.role`."""
        return self._line.waited(entrance.set_role, self._line, name, role, proof(current))

    def zones(self, name: str, zones: str | Iterable[str] = (), *, current: Spoken | None = None) -> Account:
        """See `godkaiser.Accounts.zones`."""
        return self._line.waited(entrance.set_zones, self._line, name, zones, proof(current))

    def password(
        self, name: str, password: Spoken | None = None, *, current: Spoken | None = None
    ) -> Account:
        """See `godkaiser.Accounts.password`."""
        return self._line.waited(entrance.set_password, self._line, name, password, proof(current))

    def activate(self, name: str, *, current: Spoken | None = None) -> Account:
        """See `godkaiser.Accounts.activate`."""
        return self._line.waited(entrance.set_active, self._line, name, True, proof(current))

    def deactivate(self, name: str, *, current: Spoken | None = None) -> Account:
        """See `godkaiser.Accounts.deactivate`."""
        return self._line.waited(entrance.set_active, self._line, name, False, proof(current))

    def logout(self, name: str, *, current: Spoken | None = None) -> Account:
        """See `godkaiser.Accounts.logout`."""
        return self._line.waited(entrance.end_sessions, self._line, name, proof(current))

    def remove(self, name: str, *, current: Spoken | None = None) -> None:
        """See `godkaiser.Accounts.remove`."""
        self._line.waited(entrance.remove_account, self._line, name, proof(current))

    def totp_begin(self, name: str, *, current: Spoken | None = None) -> Secret:
        """See `godkaiser.Accounts.totp_begin`."""
        return self._line.waited(entrance.begin_totp, self._line, name, proof(current))

    def totp_confirm(self, name: str, code: str, *, current: Spoken | None = None) -> Account:
        """See `godkaiser.Accounts.totp_confirm`."""
        return self._line.waited(entrance.confirm_totp, self._line, name, code, proof(current))

    def totp_remove(self, name: str, *, current: Spoken | None = None) -> Account:
        """See `godkaiser.Accounts.totp_remove`."""
        return self._line.waited(entrance.remove_totp, self._line, name, proof(current))


class Tokens(Door):
    """See `godkaiser.Tokens`."""

    def list(self) -> TokenList:
        """See `godkaiser.Tokens.list`."""
        return self._line.waited(entrance.tokens, self._line)

    def add(
        self,
        label: str,
        permissions: str | Iterable[str],
        zones: str | Iterable[str] | None = None,
        lasting: Span = "90d",
        owner: str | None = None,
        *,
        current: Spoken | None = None,
    ) -> ApiToken:
        """See `godkaiser.Tokens.add`."""
        limits = {"permissions": listed(permissions), "zones": None if zones is None else listed(zones)}
        told = limits | {"lasting": lasting, "owner": owner}
        return self._line.waited(entrance.add_token, self._line, label, told, proof(current))

    def rotate(self, prefix: str, overlap: Span = "1d", *, current: Spoken | None = None) -> ApiToken:
        """See `godkaiser.Tokens.rotate`."""
        return self._line.waited(entrance.rotate_token, self._line, prefix, overlap, proof(current))

    def revoke(self, prefix: str) -> ApiToken:
        """See `godkaiser.Tokens.revoke`."""
        return self._line.waited(entrance.revoke_token, self._line, prefix)


class Blocks(Door):
    """See `godkaiser.Blocks`."""

    def list(self) -> KeptOutList:
        """See `godkaiser.Blocks.list`."""
        return self._line.waited(entrance.blocks, self._line)

    def lift(self, address: str) -> None:
        """See `godkaiser.Blocks.lift`."""
        self._line.waited(entrance.lift, self._line, address)
