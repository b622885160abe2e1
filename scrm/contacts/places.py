"""Which country a written address or a language points to. Pure, small tables; silent where a word is used in several places."""

from __future__ import annotations

import re
from functools import lru_cache

from opencc import OpenCC

_traditional = OpenCC("s2t").convert
_simplified = OpenCC("t2s").convert

_WORDS = {
    "HK": "香港 九龍 新界 中環 旺角 尖沙咀 銅鑼灣 灣仔 荃灣 沙田 屯門 元朗 觀塘 將軍澳 北角 西環 深水埗 大埔 "
    "kowloon wanchai|wan-chai mongkok|mong-kok tsim-sha-tsui causeway-bay hong-kong hongkong tsuen-wan "
    "shatin|sha-tin yuen-long kwun-tong tseung-kwan-o new-territories n\\.t\\. h\\.k\\.",
    "SG": "新加坡 シンガポール singapore ang-mo-kio bukit tampines jurong yishun woodlands toa-payoh bedok "
    "hougang sengkang punggol clementi geylang serangoon pasir-ris choa-chu-kang orchard-road blk",
    "TW": "台北 臺北 新北 桃園 台中 臺中 台南 臺南 高雄 基隆 新竹 苗栗 彰化 南投 雲林 嘉義 屏東 宜蘭 花蓮 台東 "
    "臺東 澎湖 板橋 台灣 臺灣 taiwan taipei kaohsiung taichung tainan hsinchu taoyuan keelung",
    "JP": "東京 大阪 京都 北海道 神奈川 横浜 名古屋 福岡 札幌 神戸 埼玉 千葉 愛知 兵庫 広島 仙台 沖縄 静岡 新潟 "
    "長野 渋谷 新宿 日本 tokyo osaka kyoto yokohama nagoya sapporo fukuoka kobe hiroshima japan",
    "MO": "澳門 氹仔 路環 路氹 macau macao taipa coloane",
    "CN": "北京 上海 廣州 广州 深圳 珠海 杭州 成都 武漢 武汉 南京 天津 重慶 重庆 中國 中国 beijing shanghai "
    "guangzhou shenzhen zhuhai china",
}  # fmt: skip
_LANGUAGES = {
    "ja": ("JP",),
    "yue": ("HK", "MO"),
    "ms": ("SG", "MY"),
    **dict.fromkeys(("zh-hk", "en-hk", "zh-hant-hk"), ("HK",)),
    **dict.fromkeys(("zh-tw", "zh-hant-tw"), ("TW",)),
    **dict.fromkeys(("zh-mo", "zh-hant-mo"), ("MO",)),
    **dict.fromkeys(("zh-cn", "zh-hans-cn"), ("CN",)),
    **dict.fromkeys(("zh-sg", "en-sg", "zh-hans-sg"), ("SG",)),
}


def script_of(name: str) -> str:
    """ "traditional" or "simplified" where a name has characters of the one that the other does not know; "" where it has neither."""
    traditional, simplified = _simplified(name) != name, _traditional(name) != name
    if traditional == simplified:
        return ""
    return "traditional" if traditional else "simplified"


@lru_cache(maxsize=1)
def _patterns() -> dict[str, re.Pattern[str]]:
    found = {}
    for region, words in _WORDS.items():
        forms = [form.replace("-", r"[\s-]?") for word in words.split() for form in word.split("|")]
        latin = [form for form in forms if form[0].isascii()]
        han = [form for form in forms if not form[0].isascii()]
        found[region] = re.compile("|".join([*han, *(rf"(?<![a-z]){form}(?![a-z])" for form in latin)]), re.IGNORECASE)
    return found


def place_of(address: str) -> frozenset[str]:
    """The one country that the words of an address name; empty when none or several do."""
    if not address.strip():
        return frozenset()
    found = {region for region, pattern in _patterns().items() if pattern.search(address)}
    return frozenset(found) if len(found) == 1 else frozenset()


def region_of_language(tag: str) -> frozenset[str]:
    """Where a language tag is at home: 'ja' in Japan, 'zh-HK' in Hong Kong; 'en' and 'zh' nowhere in particular."""
    wanted = tag.strip().replace("_", "-").casefold()
    return frozenset(_LANGUAGES.get("ja" if wanted.startswith("ja-") else wanted, ()))
