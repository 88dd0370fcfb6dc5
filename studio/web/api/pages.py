"""Pages of a list: how many items, and after which cursor."""

from pydantic import BaseModel, ConfigDict, Field

from fibo_core.errors import InputError

LIMIT, LIMIT_MAX = 20, 100


class PageQuery(BaseModel):
    """The question of an address that lists something. What is not known in it is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cursor: str | None = Field(None, description="The next_cursor of the page before")
    limit: int = Field(LIMIT, json_schema_extra={"minimum": 1, "maximum": LIMIT_MAX})

    @property
    def checked_limit(self) -> int:
        """Raises InputError."""
        if not 1 <= self.limit <= LIMIT_MAX:
            raise InputError(f"limit is {self.limit}. Choose 1 to {LIMIT_MAX}.")
        return self.limit
