"""What Autotask says of its entities and their fields (Autotask REST, entityInformation)."""

from typing import Any

from ...mapping import Choice, Field
from .entities import ENTITIES, Entity
from .exchange import Exchange


async def all_entities(_exchange: Exchange) -> dict[str, Any]:
    """What can be done with each entity."""
    return {"entityDescriptions": [{"info": _entity_information(entity)} for entity in ENTITIES.values()]}


async def information(exchange: Exchange) -> dict[str, Any]:
    """What can be done with an entity."""
    return {"info": _entity_information(exchange.entity)}


async def field_list(exchange: Exchange) -> dict[str, Any]:
    """The fields of an entity."""
    return {"fields": [_field_information(field) for field in exchange.entity.table]}


async def user_defined_fields(_exchange: Exchange) -> dict[str, Any]:
    """The fields that a tenant has added to an entity: none can be, so far."""
    return {"fields": []}


def _entity_information(entity: Entity) -> dict[str, Any]:
    can = {
        "Create": entity.create is not None,
        "Delete": entity.delete is not None,
        "Query": entity.source is not None,
        "Update": entity.update is not None,
    }
    return {
        "name": entity.name,
        **{f"can{verb}": allowed for verb, allowed in can.items()},
        **{f"userAccessFor{verb}": "All" if allowed else "None" for verb, allowed in can.items()},
        "hasUserDefinedFields": False,
        "supportsWebhookCallouts": False,
    }


def _field_information(field: Field) -> dict[str, Any]:
    """What a field is. One that is required and read-only at once can be set only when a row is created."""
    return {
        "name": field.name,
        "dataType": field.type.data_type,
        "length": field.type.length,
        "isRequired": field.required or field.name == "id",
        "isReadOnly": not field.is_writable,
        "isQueryable": field.queryable,
        "isReference": bool(field.reference),
        "referenceEntityType": _singular(field.reference),
        "isPickList": bool(field.picklist),
        "picklistValues": [_picklist_value(choice, at) for at, choice in enumerate(field.picklist, 1)] or None,
        "picklistParentValueField": "",
        "isSupportedWebhookField": False,
    }


def _picklist_value(choice: Choice, place: int) -> dict[str, Any]:
    return {
        "value": str(choice.value),
        "label": choice.label,
        "isDefaultValue": False,
        "sortOrder": place,
        "parentValue": "",
        "isActive": True,
        "isSystem": True,
    }


def _singular(plural: str) -> str:
    return f"{plural[:-3]}y" if plural.endswith("ies") else plural.removesuffix("s")
