"""Places to share: well-known spots where customers are, coordinates to about 100 m."""

from typing import NamedTuple


class Place(NamedTuple):
    country: str
    name: str
    address: str
    latitude: float
    longitude: float


PLACES = (
    Place("HK", "銅鑼灣 時代廣場", "香港銅鑼灣勿地臣街1號", 22.2782, 114.1822),
    Place("HK", "尖沙咀 海港城", "九龍尖沙咀廣東道3-27號", 22.2953, 114.1686),
    Place("HK", "旺角 朗豪坊", "九龍旺角亞皆老街8號", 22.3184, 114.1688),
    Place("HK", "沙田 新城市廣場", "新界沙田正街18號", 22.3815, 114.1889),
    Place("TW", "台北101", "台北市信義區信義路五段7號", 25.0338, 121.5645),
    Place("TW", "西門町", "台北市萬華區漢中街", 25.0422, 121.5081),
    Place("TW", "台中 勤美誠品綠園道", "台中市西區公益路68號", 24.1510, 120.6639),
    Place("TW", "高雄 夢時代購物中心", "高雄市前鎮區中華五路789號", 22.5952, 120.3069),
    Place("JP", "新宿駅", "東京都新宿区新宿3丁目38", 35.6896, 139.7006),
    Place("JP", "銀座四丁目", "東京都中央区銀座4丁目", 35.6717, 139.7650),
    Place("JP", "渋谷スクランブル交差点", "東京都渋谷区道玄坂2丁目", 35.6595, 139.7005),
    Place("JP", "大阪 梅田", "大阪府大阪市北区梅田3丁目", 34.7025, 135.4959),
    Place("SG", "ION Orchard", "2 Orchard Turn, Singapore 238801", 1.3040, 103.8318),
    Place("SG", "VivoCity", "1 HarbourFront Walk, Singapore 098585", 1.2643, 103.8223),
    Place("SG", "Jewel Changi Airport", "78 Airport Boulevard, Singapore 819666", 1.3602, 103.9894),
    Place("SG", "Tampines Mall", "4 Tampines Central 5, Singapore 529510", 1.3525, 103.9447),
)
