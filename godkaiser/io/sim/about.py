"""What a node tells about itself when asked."""

from __future__ import annotations

from .device import Device

_HEAP_FREE, _HEAP_MIN, _RSSI = 176_000, 148_000, -61
_CHIPS = {"esp32_dev": ("ESP32-D0WDQ6", 1), "xiao_esp32c3": ("ESP32-C3", 4)}
_FLASH = 4 * 1024 * 1024


def status(device: Device, now: int) -> dict[str, object]:
    """The answer to ``status``."""
    setup = device.setup
    return {
        "success": True,
        "esp_id": device.spec.id,
        "state": device.session.state,
        "uptime": device.voice.uptime(now) // 1000,
        "heap_free": _HEAP_FREE,
        "wifi_rssi": _RSSI,
        "sensor_count": len(setup.sensors),
        "actuator_count": len(setup.actuators),
        "zone_id": setup.zone,
        "zone_assigned": bool(setup.zone),
        "ts": device.session.clock(now),
    }


def diagnostics(device: Device, now: int) -> dict[str, object]:
    """The answer to ``diagnostics``."""
    model, revision = _CHIPS[device.spec.board]
    return status(device, now) | {
        "heap_min": _HEAP_MIN,
        "chip_model": model,
        "chip_revision": revision,
        "flash_size": _FLASH,
        "sdk_version": "virtual",
        "wifi_ssid": "virtual",
        "wifi_ip": device.voice.ip,
        "wifi_mac": _mac(device.spec.id),
        "master_zone_id": device.setup.master_zone,
        "kaiser_id": device.setup.kaiser,
        "boot_count": device.boot.count,
        "config_status": device.voice.config_status(),
    }


def configuration(device: Device) -> dict[str, object]:
    """The answer to ``get_config``; the lists are always empty, only the counts are true."""
    setup = device.setup
    zone: dict[str, object] = {
        "zone_id": setup.zone,
        "master_zone_id": setup.master_zone,
        "zone_name": setup.zone_name,
        "kaiser_id": setup.kaiser,
        "zone_assigned": bool(setup.zone),
    }
    counts = {"sensor_count": len(setup.sensors), "actuator_count": len(setup.actuators)}
    return {"success": True, "zone": zone, "sensors": [], "actuators": []} | counts


def _mac(node: str) -> str:
    """The id of a node is the end of its MAC address."""
    digits = node.removeprefix("ESP_")[-6:].rjust(6, "0")
    return ":".join(("24", "6F", "28", digits[:2], digits[2:4], digits[4:]))
