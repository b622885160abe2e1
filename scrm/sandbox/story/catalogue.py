"""What Harbour Lane sells. Prices are ordinary shop prices, whole units except in Singapore dollars."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

CURRENCY_OF = {"HK": "HKD", "TW": "TWD", "JP": "JPY", "SG": "SGD"}


@dataclass(frozen=True, slots=True)
class StoryProduct:
    """`names` by language, `aliases` as customers type them, `prices` by currency."""

    sku: str
    category: str
    names: dict[str, str]
    aliases: tuple[str, ...]
    prices: dict[str, Decimal]


def _product(sku: str, category: str, names: tuple[str, str, str, str], aliases: str, prices: tuple[str, str, str, str]) -> StoryProduct:
    return StoryProduct(
        sku,
        category,
        dict(zip(("en", "ja", "zh-hant", "zh-hans"), names, strict=True)),
        tuple(alias for alias in aliases.split("|") if alias),
        {currency: Decimal(price) for currency, price in zip(("HKD", "TWD", "JPY", "SGD"), prices, strict=True)},
    )


def _same(name: str) -> tuple[str, str, str, str]:
    return name, name, name, name


PRODUCTS: tuple[StoryProduct, ...] = (
    _product("APL-IP15", "electronics", _same("iPhone 15 128GB"), "iPhone 15|蘋果15|苹果15|アイフォン15",
             ("5999", "25900", "112800", "1149.00")),
    _product("APL-IP15P", "electronics", _same("iPhone 15 Pro 128GB"), "iPhone 15 Pro|15 pro|蘋果15 Pro|苹果15 Pro|アイフォン15プロ",
             ("7999", "33900", "159800", "1499.00")),
    _product("APL-IP15PM", "electronics", _same("iPhone 15 Pro Max 256GB"),
             "iPhone 15 Pro Max|iPhone15 Pro Max|ip15pm|15 pro max|蘋果15 Pro Max|苹果15 Pro Max|アイフォン15プロマックス",
             ("9299", "39900", "189800", "1799.00")),
    _product("APL-APP2", "electronics", _same("AirPods Pro 2"), "airpods pro|airpods pro 2|エアポッズプロ",
             ("1849", "7490", "39800", "349.00")),
    _product("SAM-S24U", "electronics", _same("Galaxy S24 Ultra 256GB"), "S24 Ultra|S24U|三星S24 Ultra|ギャラクシーS24ウルトラ",
             ("8698", "38900", "189700", "1798.00")),
    _product("NIN-SWO", "electronics",
             ("Nintendo Switch OLED", "Nintendo Switch 有機ELモデル", "Nintendo Switch OLED 主機", "Nintendo Switch OLED 主机"),
             "switch oled|有機ELスイッチ|スイッチ有機EL|任天堂 switch oled", ("2340", "10480", "37980", "499.00")),
    _product("SON-XM5", "electronics",
             ("Sony WH-1000XM5 headphones", "ソニー WH-1000XM5 ヘッドホン", "Sony WH-1000XM5 降噪耳機", "索尼 WH-1000XM5 降噪耳机"),
             "XM5|1000xm5|wh1000xm5", ("2699", "10990", "49500", "499.00")),
    _product("DYS-V15", "home",
             ("Dyson V15 Detect vacuum", "ダイソン V15 Detect 掃除機", "Dyson V15 Detect 吸塵機", "戴森 V15 Detect 吸尘器"),
             "V15|戴森V15|dyson v15|ダイソンV15", ("5480", "24900", "118800", "1199.00")),
    _product("DYS-HD15", "home",
             ("Dyson Supersonic hair dryer", "ダイソン Supersonic ヘアドライヤー", "Dyson Supersonic 風筒", "戴森 Supersonic 吹风机"),
             "supersonic|dyson dryer|戴森吹風機|戴森風筒|ダイソンドライヤー", ("3280", "14600", "49500", "649.00")),
    _product("PAN-NA0J", "home",
             ("Panasonic nanocare EH-NA0J", "パナソニック ナノケア EH-NA0J", "Panasonic 納米水離子風筒 NA0J", "松下纳米水离子吹风机 NA0J"),
             "nanocare|na0j|ナノケア|奈米水離子吹風機", ("2180", "8990", "36630", "429.00")),
    _product("ANK-PB10", "electronics",
             ("Anker power bank 10,000 mAh", "Anker モバイルバッテリー 10000mAh", "Anker 行動電源 10000mAh", "Anker 充电宝 10000mAh"),
             "anker|power bank|尿袋|行動電源|充电宝|モバイルバッテリー", ("199", "890", "3990", "39.90")),
    _product("COS-SK2-230", "cosmetics",
             ("SK-II Facial Treatment Essence 230ml", "SK-II フェイシャル トリートメント エッセンス 230ml",
              "SK-II 神仙水 230ml", "SK-II 神仙水 230ml"),
             "神仙水|sk2|sk-ii|フェイシャルトリートメントエッセンス|ピテラ", ("1560", "6990", "29700", "305.00")),
    _product("COS-SK2-75", "cosmetics",
             ("SK-II Facial Treatment Essence 75ml", "SK-II フェイシャル トリートメント エッセンス 75ml",
              "SK-II 神仙水 75ml", "SK-II 神仙水 75ml"),
             "神仙水小樣|神仙水小样|神仙水75", ("690", "3150", "11550", "139.00")),
    _product("COS-ANE-MILK", "cosmetics",
             ("Anessa Perfect UV Sunscreen Milk 60ml", "アネッサ パーフェクトUV スキンケアミルク 60ml",
              "ANESSA 金鑽高效防曬乳 60ml", "安热沙 金灿倍护防晒乳 60ml"),
             "anessa|アネッサ|安耐曬|安热沙|小金瓶|金鑽防曬", ("248", "1080", "3278", "49.90")),
    _product("COS-HL-LOTION", "cosmetics",
             ("Hada Labo Gokujyun lotion 170ml", "肌ラボ 極潤ヒアルロン液 170ml", "肌研 極潤保濕化妝水 170ml", "肌研 极润保湿化妆水 170ml"),
             "hada labo|肌ラボ|極潤|极润|肌研", ("99", "420", "990", "19.90")),
    _product("COS-CUREL-CR", "cosmetics",
             ("Curél Intensive Moisture Cream 40g", "キュレル 潤浸保湿フェイスクリーム 40g",
              "珂潤 潤浸保濕深層乳霜 40g", "珂润 润浸保湿滋养乳霜 40g"),
             "curel|キュレル|珂潤|珂润", ("168", "750", "2530", "36.90")),
    _product("COS-DHC-OIL", "cosmetics",
             ("DHC Deep Cleansing Oil 200ml", "DHC 薬用ディープクレンジングオイル 200ml",
              "DHC 深層卸妝油 200ml", "DHC 深层卸妆油 200ml"),
             "dhc|卸妝油|卸妆油|クレンジングオイル|cleansing oil", ("198", "850", "2909", "39.90")),
    _product("COS-LAN-LIP", "cosmetics",
             ("Laneige Lip Sleeping Mask 20g", "ラネージュ リップスリーピングマスク 20g",
              "蘭芝 夜間修護唇膜 20g", "兰芝 夜间修护唇膜 20g"),
             "laneige|lip mask|唇膜|リップマスク|蘭芝|兰芝", ("145", "720", "2200", "32.00")),
    _product("COS-SULW-60", "cosmetics",
             ("Sulwhasoo First Care Serum 60ml", "雪花秀 潤燥エッセンス 60ml", "雪花秀 潤燥精華 60ml", "雪花秀 润致焕活精华 60ml"),
             "sulwhasoo|雪花秀|潤燥精華", ("690", "3200", "12100", "129.00")),
    _product("BAG-TOTE-BK", "accessories",
             ("Canvas tote bag, black", "帆布トートバッグ 黒", "帆布托特包 黑色", "帆布托特包 黑色"),
             "黑色托特包|黒のトートバッグ|black tote|黑色tote bag", ("199", "880", "3900", "39.00")),
    _product("BAG-TOTE-WH", "accessories",
             ("Canvas tote bag, white", "帆布トートバッグ 白", "帆布托特包 白色", "帆布托特包 白色"),
             "白色托特包|白のトートバッグ|white tote|白色tote bag", ("199", "880", "3900", "39.00")),
)  # fmt: skip

_BY_SKU = {product.sku: product for product in PRODUCTS}


def product(sku: str) -> StoryProduct:
    """The product of a code; KeyError when there is none."""
    return _BY_SKU[sku]


@dataclass(frozen=True, slots=True)
class StoryShop:
    """A shop with its position (WGS 84) and its hours as people write them."""

    code: str
    country: str
    name: str
    address: str
    latitude: float
    longitude: float
    hours: str


SHOPS: tuple[StoryShop, ...] = (
    StoryShop("HK-TST", "HK", "Harbour Lane 尖沙咀店", "九龍尖沙咀廣東道28號地下", 22.2969, 114.1694, "11:00–21:30"),
    StoryShop("HK-CWB", "HK", "Harbour Lane 銅鑼灣店", "香港銅鑼灣駱克道500號地下", 22.2800, 114.1836, "11:00–22:00"),
    StoryShop("TW-XY", "TW", "Harbour Lane 信義店", "110台北市信義區松壽路12號1樓", 25.0357, 121.5668, "11:00–21:30"),
    StoryShop("JP-SBY", "JP", "Harbour Lane 渋谷店", "〒150-0041 東京都渋谷区神南1-15-3", 35.6614, 139.7000, "11:00–20:00"),
    StoryShop("SG-ORC", "SG", "Harbour Lane Orchard", "290 Orchard Road, #02-18, Singapore 238859", 1.3036, 103.8357, "10:30–21:30"),
)
